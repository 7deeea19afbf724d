// Lint: typed rules for the program, plain ones for the rest, and the limits of STYLE.md (sections 7 to 10).
//
// The typed rules are typescript-eslint's strict set less what disagrees with the style; each switch below
// says why. Types come from the TypeScript 6 API (docs/decisions/0002-two-typescript-compilers.md).

import { basename } from "node:path";

import tseslint from "typescript-eslint";

const kebabCaseFile = {
  create: (context) => ({
    Program(node) {
      const name = basename(context.filename);
      if (/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(name)) return;
      context.report({ node, message: `The file name ${name} is not kebab-case.` });
    },
  }),
};

const limits = {
  "max-lines": ["error", { max: 500 }],
  "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
  "max-params": ["error", 4],
  "max-len": ["error", { code: 110, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true }],
  "house/kebab-case-file": "error",
};

const plain = {
  eqeqeq: "error",
  "no-var": "error",
  "prefer-const": "error",
  "no-console": "off",
  "no-restricted-syntax": [
    "error",
    { selector: "ExportDefaultDeclaration", message: "Named exports only." },
    {
      selector: "TSNonNullExpression:not([expression.type='MemberExpression'][expression.computed=true])",
      message: "`!` only directly after an index whose bound is visible in the same function.",
    },
  ],
};

const typescriptEverywhere = {
  "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
  "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
  "@typescript-eslint/no-explicit-any": "error",
};

const typed = {
  ...typescriptEverywhere,
  "@typescript-eslint/consistent-type-exports": "error",
  // A `default` that calls assertNever is as exhaustive as all cases: the compiler proves it.
  "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
  // `array[i]!` is the style's way of saying that the bound is visible; other uses are refused above.
  "@typescript-eslint/no-non-null-assertion": "off",
  "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
  "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
  "@typescript-eslint/no-unnecessary-condition": [
    "error",
    { allowConstantLoopConditions: "only-allowed-literals" },
  ],
  // Records of functions (ops, backends) are written in method shorthand and taken apart freely.
  "@typescript-eslint/unbound-method": "off",
  // Members of an interface may be async in one implementation and have nothing to await in another.
  "@typescript-eslint/require-await": "off",
  // A type parameter used once names an id's brand or documents a table's key.
  "@typescript-eslint/no-unnecessary-type-parameters": "off",
  "@typescript-eslint/unified-signatures": "off",
};

export default tseslint.config(
  {
    ignores: [
      "**/node_modules/",
      "dist/",
      ".dist-*/",
      ".cache/",
      "build/",
      "grammars/generated/",
      "examples/tiny-stories/",
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.{ts,js,mjs}"],
    plugins: { house: { rules: { "kebab-case-file": kebabCaseFile } } },
    rules: { ...limits, ...plain },
  },
  {
    files: ["src/**/*.ts", "backends/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: "tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: typed,
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts", "examples/**/*.ts", "*.ts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      ...typescriptEverywhere,
      // A describe block is a chapter, not a function.
      "max-lines-per-function": "off",
    },
  },
  {
    // Tools ask for their configuration, and vitest for a reporter and a set-up, as a default export.
    files: ["*.config.{ts,js}", "scripts/*-reporter.mjs", "scripts/*-setup.mjs"],
    rules: { "no-restricted-syntax": "off" },
  },
);
