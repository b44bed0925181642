// Biome formats, lints and guards the import boundaries. This adds only what Biome misses because it needs types:
// promises that nobody awaits (`redis.publish()`, `agent.close()`) and promises where none is looked at. And comments
// that are wider than the code, which Biome does not format.
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['**/dist/'] },
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: ['./tsconfig.json', './tsconfig.client.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      'max-len': ['error', { code: 10_000, comments: 120, ignoreUrls: true, ignorePattern: 'biome-ignore format' }],
    },
  },
);
