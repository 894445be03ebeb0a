import { expect, test } from 'vitest';
import { bubblewrapArguments, encodeArguments } from './bubblewrap-arguments.ts';
import type { SandboxRequest } from './sandbox.ts';

const request: SandboxRequest = {
  root: '/root-directory',
  argv: ['/bin/true'],
  env: { SECRET: 'value with "quotes"' },
  cwd: '/src',
  binds: [{ host: '/h', guest: '/src', writable: true }],
  tmpfs: ['/run'],
  network: 'none',
};

test('nothing is shared, inherited or allowed that was not asked for', () => {
  const text = bubblewrapArguments(request).join(' ');
  for (const part of [
    '--unshare-all',
    '--clearenv',
    '--cap-drop ALL',
    '--uid 0',
    '--die-with-parent',
    '--new-session',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain('--share-net');
  expect(bubblewrapArguments({ ...request, network: 'host' })).toContain('--share-net');
});

test('binds are mounted over memory file systems, and those over the root', () => {
  const options = bubblewrapArguments(request);
  const order = ['--ro-bind', '/run', '/src'].map((text) => options.indexOf(text));
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

test('a NUL byte cannot end an argument early', () => {
  expect(() => bubblewrapArguments({ ...request, env: { A: 'x\0--bind' } })).toThrow('NUL');
});

test('arguments are sent NUL-terminated', () => {
  expect(encodeArguments(['--setenv', 'A', 'ü']).toString('utf8')).toBe('--setenv\0A\0ü\0');
});
