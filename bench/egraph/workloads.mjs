// The workloads of equality saturation over egg's arithmetic, with the counts that any correct engine gives.
// Rules are rows of name, left side, right side and the rule sets they belong to; `?a` is a variable.

const RULES = [
  ["comm-add", "(+ ?a ?b)", "(+ ?b ?a)", "AC micro pure"],
  ["comm-mul", "(* ?a ?b)", "(* ?b ?a)", "micro pure"],
  ["assoc-add", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", "AC micro pure"],
  ["assoc-mul", "(* ?a (* ?b ?c))", "(* (* ?a ?b) ?c)", "micro pure"],
  ["sub-canon", "(- ?a ?b)", "(+ ?a (* -1 ?b))", "micro pure"],
  ["zero-add", "(+ ?a 0)", "?a", "micro pure"],
  ["zero-mul", "(* ?a 0)", "0", "micro pure"],
  ["one-mul", "(* ?a 1)", "?a", "micro pure"],
  ["add-zero", "?a", "(+ ?a 0)", "pure"],
  ["mul-one", "?a", "(* ?a 1)", "pure"],
  ["cancel-sub", "(- ?a ?a)", "0", "micro pure"],
  ["distribute", "(* ?a (+ ?b ?c))", "(+ (* ?a ?b) (* ?a ?c))", "micro pure"],
  ["factor", "(+ (* ?a ?b) (* ?a ?c))", "(* ?a (+ ?b ?c))", "micro pure"],
  ["pow-mul", "(* (pow ?a ?b) (pow ?a ?c))", "(pow ?a (+ ?b ?c))", "micro pure"],
  ["pow1", "(pow ?x 1)", "?x", "micro pure"],
  ["pow2", "(pow ?x 2)", "(* ?x ?x)", "micro pure"],
  ["d-add", "(d ?x (+ ?a ?b))", "(+ (d ?x ?a) (d ?x ?b))", "micro pure"],
  ["d-mul", "(d ?x (* ?a ?b))", "(+ (* ?a (d ?x ?b)) (* ?b (d ?x ?a)))", "micro pure"],
  ["d-sin", "(d ?x (sin ?x))", "(cos ?x)", "micro pure"],
  ["d-cos", "(d ?x (cos ?x))", "(* -1 (sin ?x))", "micro pure"],
  ["i-one", "(i 1 ?x)", "?x", "micro pure"],
  ["i-cos", "(i (cos ?x) ?x)", "(sin ?x)", "micro pure"],
  ["i-sin", "(i (sin ?x) ?x)", "(* -1 (cos ?x))", "micro pure"],
  ["i-sum", "(i (+ ?f ?g) ?x)", "(+ (i ?f ?x) (i ?g ?x))", "micro pure"],
  ["i-dif", "(i (- ?f ?g) ?x)", "(- (i ?f ?x) (i ?g ?x))", "micro pure"],
  ["i-parts", "(i (* ?a ?b) ?x)", "(- (* ?a (i ?b ?x)) (i (* (d ?x ?a) (i ?b ?x)) ?x))", "micro pure"],
];

export const SAMPLES = [
  "(i (ln x) x)",
  "(i (+ x (cos x)) x)",
  "(i (* (cos x) x) x)",
  "(d x (+ 1 (* 2 x)))",
  "(d x (- (pow x 3) (* 7 (pow x 2))))",
  "(+ (* y (+ x y)) (- (+ x 2) (+ x x)))",
  "(/ 1 (- (/ (+ 1 (sqrt five)) 2) (/ (- 1 (sqrt five)) 2)))",
];

/** `(+ 1 (+ 2 ... (+ n-1 n)))` */
export function sumText(n) {
  let text = String(n);
  for (let i = n - 1; i >= 1; i--) text = `(+ ${i} ${text})`;
  return text;
}

/** `goal` marks the rows that the speed goals are stated over; `runs` keeps the slow ones short. */
export const WORKLOADS = [
  { id: "W1a", rules: "AC", start: [sumText(9)], iterations: 10, nodes: 18_669, classes: 511, runs: 21 },
  { id: "W1b", rules: "AC", start: [sumText(10)], iterations: 11, nodes: 57_012, classes: 1_023, runs: 9, goal: true },
  { id: "W1c", rules: "AC", start: [sumText(11)], iterations: 12, nodes: 173_063, classes: 2_047, runs: 3, goal: true },
  { id: "W2a", rules: "micro", start: SAMPLES, iterations: 9, nodes: 28_303, classes: 12_445, runs: 41 },
  { id: "W2b", rules: "micro", start: SAMPLES, iterations: 10, nodes: 136_446, classes: 58_464, runs: 15, goal: true },
  { id: "W2c", rules: "micro", start: SAMPLES, iterations: 11, nodes: 1_047_896, classes: 443_832, runs: 4, goal: true },
  { id: "W2d", rules: "micro", start: SAMPLES, backoff: true, iterations: 30, nodes: 47_434, classes: 28_736, runs: 21, goal: true },
  { id: "W2e", rules: "micro", start: SAMPLES, backoff: true, iterations: 60, nodes: 320_438, classes: 188_259, runs: 5, goal: true },
  { id: "W3a", rules: "pure", start: SAMPLES, iterations: 4, nodes: 9_242, classes: 4_165, runs: 101 },
  { id: "W3c", rules: "pure", start: SAMPLES, backoff: true, iterations: 30, nodes: 81_136, classes: 47_388, runs: 15, goal: true },
];

export function workload(id) {
  const found = WORKLOADS.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no workload ${id}; there are ${WORKLOADS.map((each) => each.id).join(" ")}`);
  return found;
}

/** Rows of name, left and right side. */
export function rulesOf(set) {
  return RULES.filter(([, , , sets]) => sets.split(" ").includes(set)).map(([name, left, right]) => [name, left, right]);
}

export function parseSexp(text) {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const read = () => {
    const token = tokens[at++];
    if (token !== "(") return token;
    const items = [];
    while (tokens[at] !== ")") items.push(read());
    at++;
    return items;
  };
  return read();
}
