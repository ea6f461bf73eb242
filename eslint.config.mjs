import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import boundaries from "./scripts/lint/boundaries.mjs";

export default defineConfig(
  globalIgnores(["dist/", "out/", "coverage/", "reports/", ".building-*/"]),
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { nudge: boundaries },
    rules: {
      "nudge/boundaries": "error",
      eqeqeq: "error",
      "no-console": "off",
      "no-var": "error",
      "prefer-const": "error",
      "object-shorthand": "error",
      "no-useless-rename": "error",
      "no-duplicate-imports": "off",
    },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Shapes are lists of numbers, and "2,3,4" is how messages print them.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true, allowArray: true, allowNullish: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, varsIgnorePattern: "^_", argsIgnorePattern: "^_" }],
      // `async` also makes what a function throws a rejection.
      "@typescript-eslint/require-await": "off",
      // Ops and other plain objects are taken apart freely; their functions use no `this`.
      "@typescript-eslint/unbound-method": "off",
      // `2 | number` says which numbers are meant.
      "@typescript-eslint/no-redundant-type-constituents": "off",
    },
  },
  {
    files: ["src/runtime/**", "src/kernels/**", "src/algorithms/**", "src/tuning/**"],
    rules: {
      // The engine runs in pages.
      "no-restricted-globals": ["error", "process", "Buffer", "global", "require", "__dirname"],
      "no-restricted-imports": ["error", { patterns: ["node:*"] }],
    },
  },
  {
    files: ["src/index.ts", "src/tune.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "Program > :not(ExportAllDeclaration, ExportNamedDeclaration[source])",
          message: "An entry point only passes on what others define.",
        },
      ],
    },
  },
);
