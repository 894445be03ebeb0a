import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Far beyond what anything takes: only what hangs fails by these.
    testTimeout: 1_200_000,
    hookTimeout: 1_800_000,
    pool: 'forks',
  },
});
