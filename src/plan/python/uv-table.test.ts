import { expect, test } from 'vitest';
import { uvTools } from './uv-table.ts';

test('names one version of uv for each host, by a wheel with hash and size', () => {
  const tools = uvTools();
  expect(tools.map(({ host }) => host).sort()).toEqual(['darwin/amd64', 'darwin/arm64', 'linux/amd64', 'linux/arm64']);
  expect(new Set(tools.map(({ version }) => version)).size).toBe(1);
  for (const { name, version, file } of tools) {
    expect(name).toBe('uv');
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(file.url).toMatch(new RegExp(`^https://[^/]+/.*/uv-${version}-[^/]+\\.whl$`));
    expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(Number.isSafeInteger(file.size) && file.size > 0).toBe(true);
  }
});
