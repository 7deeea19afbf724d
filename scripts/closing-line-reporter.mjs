// A vitest reporter that ends the run with one line for machines: `N passed, N failed, N skipped`.
//
// A file that fails outside its tests (it doesn't load, a hook throws) counts as one failure, and so does an
// error that no test owns.

export default class ClosingLineReporter {
  onTestRunEnd(modules, unhandledErrors = []) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === "passed" || state === "failed" ? state : "skipped"] += 1;
      }
      if (module.errors().length > 0) count.failed += 1;
    }
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
