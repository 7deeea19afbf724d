/** Schedulers decide which rules may run in an iteration. Both follow egg's definitions. */
import type { Scheduler, SchedulerRun } from "./types.js";

/** Every rule, every iteration. */
export const simpleScheduler: Scheduler = {
  name: "simple",
  start: () => ({
    allowance: () => Number.POSITIVE_INFINITY,
    exceeded: () => undefined,
    canStop: () => true,
  }),
};

export interface BackoffOptions {
  readonly matchLimit: number;
  readonly banLength: number;
}

const BACKOFF_DEFAULTS: BackoffOptions = { matchLimit: 1000, banLength: 5 };

/**
 * A rule with more than `matchLimit` · 2^bans matches loses them all and sits out `banLength` · 2^bans
 * iterations. When nothing changes while rules sit out, the waiting time is skipped and the run goes on.
 */
export function backoffScheduler(options: Partial<BackoffOptions> = {}): Scheduler {
  const settings = { ...BACKOFF_DEFAULTS, ...options };
  return { name: "backoff", start: (ruleCount) => new BackoffRun(ruleCount, settings) };
}

/** Invariant: rule r sits out every iteration before `bannedUntil[r]`. */
class BackoffRun implements SchedulerRun {
  readonly #options: BackoffOptions;
  readonly #bannedUntil: number[];
  readonly #bans: number[];

  constructor(ruleCount: number, options: BackoffOptions) {
    this.#options = options;
    this.#bannedUntil = new Array<number>(ruleCount).fill(0);
    this.#bans = new Array<number>(ruleCount).fill(0);
  }

  allowance(rule: number, iteration: number): number {
    if (iteration < this.#bannedUntil[rule]!) return 0;
    return this.#options.matchLimit * 2 ** this.#bans[rule]!;
  }

  exceeded(rule: number, iteration: number): void {
    this.#bannedUntil[rule] = iteration + this.#options.banLength * 2 ** this.#bans[rule]!;
    this.#bans[rule]!++;
  }

  canStop(iteration: number): boolean {
    const waiting = this.#bannedUntil.filter((until) => until > iteration);
    if (waiting.length === 0) return true;
    const skipped = Math.min(...waiting) - iteration;
    this.#bannedUntil.forEach((until, rule) => {
      if (until > iteration) this.#bannedUntil[rule] = until - skipped;
    });
    return false;
  }
}
