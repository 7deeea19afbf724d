//! One workload of `bench/egraph/workloads.json`, in egg: `egg-peer RULES MODE ITERATIONS RUNS < TERMS`.
//!
//! RULES is a file of lines `name|left|right`; MODE is `simple` or `backoff`; TERMS is one s-expression a line.
//! Prints one JSON object: counts, stop reason, seconds of each run, and the peak memory
//! of the first run in bytes.

use egg::{rewrite, BackoffScheduler, Pattern, RecExpr, Rewrite, Runner, SimpleScheduler, StopReason, Symbol};
use std::io::Read;
use std::time::{Duration, Instant};

egg::define_language! {
    enum Arithmetic {
        "+" = Add([egg::Id; 2]),
        "-" = Sub([egg::Id; 2]),
        "*" = Mul([egg::Id; 2]),
        "/" = Div([egg::Id; 2]),
        "pow" = Pow([egg::Id; 2]),
        "d" = Diff([egg::Id; 2]),
        "i" = Integral([egg::Id; 2]),
        "ln" = Ln(egg::Id),
        "sqrt" = Sqrt(egg::Id),
        "sin" = Sin(egg::Id),
        "cos" = Cos(egg::Id),
        Number(i64),
        Symbol(Symbol),
    }
}

fn read_rules(path: &str) -> Vec<Rewrite<Arithmetic, ()>> {
    let text = std::fs::read_to_string(path).expect("the rules can be read");
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let parts: Vec<&str> = line.split('|').collect();
            let left: Pattern<Arithmetic> = parts[1].parse().expect("a left side");
            let right: Pattern<Arithmetic> = parts[2].parse().expect("a right side");
            rewrite!({ parts[0] }; left => right)
        })
        .collect()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let rules = read_rules(&args[1]);
    let backoff = args[2] == "backoff";
    let iterations: usize = args[3].parse().expect("iterations");
    let runs: usize = args[4].parse().expect("runs");
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("terms on standard input");
    let terms: Vec<RecExpr<Arithmetic>> = input.lines().map(|line| line.parse().expect("a term")).collect();
    let mut seconds = Vec::new();
    let mut cpu_seconds = Vec::new();
    let mut outcome = String::new();
    let mut peak = 0;
    for _ in 0..runs {
        let mut runner: Runner<Arithmetic, ()> = Runner::default()
            .with_iter_limit(iterations)
            .with_node_limit(100_000_000)
            .with_time_limit(Duration::from_secs(600));
        for term in &terms {
            runner = runner.with_expr(term);
        }
        runner = if backoff {
            runner.with_scheduler(BackoffScheduler::default())
        } else {
            runner.with_scheduler(SimpleScheduler)
        };
        let begun = Instant::now();
        let cpu_begun = cpu_time(&usage());
        let runner = runner.run(&rules);
        seconds.push(begun.elapsed().as_secs_f64());
        cpu_seconds.push(cpu_time(&usage()) - cpu_begun);
        if peak == 0 {
            peak = usage().ru_maxrss as u64 * if cfg!(target_os = "macos") { 1 } else { 1024 };
        }
        let phase = |time: fn(&egg::Iteration<()>) -> f64| runner.iterations.iter().map(time).sum::<f64>();
        let stop = match runner.stop_reason {
            Some(StopReason::Saturated) => "saturated",
            Some(StopReason::IterationLimit(_)) => "iterations",
            _ => "other",
        };
        outcome = format!(
            "\"nodes\":{},\"classes\":{},\"stop\":\"{}\",\"search\":{},\"apply\":{},\"rebuild\":{}",
            runner.egraph.total_number_of_nodes(),
            runner.egraph.number_of_classes(),
            stop,
            phase(|i| i.search_time),
            phase(|i| i.apply_time),
            phase(|i| i.rebuild_time)
        );
    }
    println!("{{{},\"seconds\":{:?},\"cpuSeconds\":{:?},\"peakBytes\":{}}}", outcome, seconds, cpu_seconds, peak);
}

fn usage() -> libc::rusage {
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    }
}

fn cpu_time(usage: &libc::rusage) -> f64 {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
