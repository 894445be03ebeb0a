import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../programs/bundle-program.ts';
import { openTerminal, type Terminal, type TerminalOptions } from './terminal.ts';

/* The review in a real pseudo-terminal, judged by what a person in front of it would see. */

let program = '';

beforeAll(async () => {
  program = await bundleProgram(fileURLToPath(new URL('review-program.ts', import.meta.url)));
});

interface Start extends TerminalOptions {
  readonly changes?: number;
  readonly delayMs?: number;
}

async function start({ changes = 0, delayMs = 0, ...options }: Start = {}): Promise<Terminal> {
  const terminal = openTerminal([program, String(changes), String(delayMs)], options);
  await terminal.until((screen) => /^> .*\[ \]/m.test(screen));
  return terminal;
}

interface Ended {
  readonly kind: string;
  readonly held: readonly string[];
  readonly versions: readonly string[];
  readonly path?: string;
}

async function outcome(terminal: Terminal): Promise<Ended> {
  expect(await terminal.ended).toBe(0);
  const line = /outcome (\{.*\})/.exec(terminal.written());
  return JSON.parse(line?.[1] ?? 'null') as Ended;
}

/** Moves to a change by searching for it. */
async function goTo(terminal: Terminal, name: string): Promise<void> {
  terminal.type(`/${name}\r`);
  await terminal.until((screen) => new RegExp(`^> .*${name}`, 'm').test(screen));
}

describe('the review on a terminal', () => {
  it('shows families, changes with marks, and the story of the one selected', async () => {
    const terminal = await start();
    await goTo(terminal, 'numpy');
    const screen = await terminal.until((text) => text.includes('numpy (python, linux/amd64)'));
    expect(terminal.buffer()).toBe('alternate');
    expect(screen).toMatch(/^demo: 6 changes, 6 undecided/);
    expect(screen).toMatch(/^ {2}\[-\] python 5, 5 undecided/m);
    expect(screen).toMatch(/^> {3}\[ \] ~ numpy 1\.26\.4 -> 2\.1\.0 major/m);
    expect(screen).toMatch(/^ {4}\[ \] ! six 1\.16\.0 OTHER BYTES/m);
    expect(screen).toContain('scipy 1.14.0: numpy>=2');
    expect(terminal.screen().at(-1)).toBe('');
    terminal.type('q');
    expect((await outcome(terminal)).kind).toBe('leave');
    expect(terminal.buffer()).toBe('normal');
  });

  it('filters, and clears the filter', async () => {
    const terminal = await start();
    terminal.type('fmajor\r');
    const filtered = await terminal.until((screen) => screen.includes('filter: major') && !screen.includes('Filter:'));
    expect(filtered).not.toContain('six');
    expect(filtered).toContain('pillow');
    terminal.type('\u001b');
    await terminal.until((screen) => screen.includes('six') && screen.includes('Filter cleared'));
    terminal.type('\u0003');
    expect((await outcome(terminal)).kind).toBe('interrupt');
  });

  it('resolves again around a hold, takes it back, and writes what is on the screen', async () => {
    const terminal = await start({ delayMs: 300 });
    await goTo(terminal, 'numpy');
    terminal.type('h');
    await terminal.until((screen) => screen.includes('Resolving again around what is held'));
    await terminal.until(
      (screen) => /^> {3}\[h\] = numpy 1\.26\.4 held/m.test(screen) && screen.includes('Resolved again'),
    );
    terminal.type('u');
    await terminal.until((screen) => /\[ \] ~ numpy 1\.26\.4 -> 2\.1\.0/.test(screen) && screen.includes('Undone'));
    terminal.type('U');
    await terminal.until((screen) => screen.includes('[h] = numpy'));
    terminal.type('*w');
    expect(await outcome(terminal)).toMatchObject({
      kind: 'write',
      held: ['python/numpy@linux/amd64'],
      versions: expect.arrayContaining(['numpy 1.26.4', 'pillow 11.0.0']),
    });
  });

  it('refuses an impossible hold with the chain that forces the change', async () => {
    const terminal = await start();
    await goTo(terminal, 'pillow');
    terminal.type('h');
    const screen = await terminal.until((text) => text.includes('pillow cannot be held at 10.0.0'));
    expect(screen).toContain('scipy 1.14.0 requires pillow>=11');
    expect(screen).toMatch(/^> {3}\[ \] ~ pillow/m);
    terminal.type('q');
    expect((await outcome(terminal)).kind).toBe('leave');
  });

  it('saves under a typed path', async () => {
    const terminal = await start();
    terminal.type('aS');
    await terminal.until((screen) => screen.includes('Save the plan as: cogplan.plan.json'));
    terminal.type('\u0015mine.json\r');
    expect(await outcome(terminal)).toMatchObject({ kind: 'save', path: 'mine.json' });
  });

  it('asks before undecided changes are written, and before decisions are lost', async () => {
    const terminal = await start();
    terminal.type('w');
    await terminal.until((screen) => screen.includes('6 changes are undecided'));
    terminal.type('na');
    await terminal.until((screen) => screen.includes('5 undecided'));
    terminal.type('q');
    await terminal.until((screen) => screen.includes('Leave, and forget the decisions?'));
    terminal.type('y');
    expect((await outcome(terminal)).kind).toBe('leave');
  });

  it('fits the screen when it becomes narrow, short, too small, and large again', async () => {
    const terminal = await start({ changes: 200 });
    terminal.resize(60, 12);
    const narrow = await terminal.until((screen) => !screen.includes(' | ') && screen.includes('package-00006'));
    expect(narrow.split('\n')).toHaveLength(12);
    expect(narrow.split('\n').at(10)).toMatch(/^\? help/);
    expect(narrow.split('\n').at(11)).toBe('');
    expect(narrow).toMatch(/^demo: 200 changes/);
    terminal.type('\t');
    await terminal.until((screen) => screen.includes('Why'));
    terminal.type('\t');
    terminal.resize(19, 5);
    await terminal.until((screen) => screen.startsWith('Too small'));
    terminal.resize(120, 30);
    const wide = await terminal.until((screen) => screen.includes(' | ') && screen.includes('package-00025'));
    expect(wide.match(/demo: 200 changes/g)).toHaveLength(1);
    expect(terminal.text().match(/demo: 200 changes/g)).toHaveLength(1);
    expect(terminal.written()).not.toContain('\u001b[3J');
    terminal.type('\u0003');
    expect((await outcome(terminal)).kind).toBe('interrupt');
  });

  it('says everything without colour too', async () => {
    const terminal = await start({ env: { NO_COLOR: '1' } });
    terminal.type('ja');
    await terminal.until((screen) => /\[a\] ~ numpy/.test(screen));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for colours is the purpose
    expect(terminal.written()).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(terminal.screen().filter((line) => line.startsWith('> '))).toHaveLength(1);
    terminal.type('\u0003');
    expect((await outcome(terminal)).kind).toBe('interrupt');
  });

  it('leaves the terminal as it was on Ctrl-C, with the help open and a resolution under way', async () => {
    const terminal = await start({ delayMs: 60_000 });
    terminal.type('h?');
    await terminal.until((screen) => screen.includes('Any other key closes the help'));
    terminal.type('\u0003');
    expect(await outcome(terminal)).toMatchObject({ kind: 'interrupt', held: [] });
    expect(terminal.buffer()).toBe('normal');
    expect(terminal.written()).toContain('\u001b[?25h\u001b[?1049l');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('leaves the terminal as it was on %s', async (signal) => {
    const terminal = await start();
    terminal.kill(signal);
    expect((await outcome(terminal)).kind).toBe('interrupt');
    expect(terminal.buffer()).toBe('normal');
  });

  it('takes a key that is typed before the first frame', async () => {
    const terminal = openTerminal([program, '0', '0']);
    await terminal.until(() => terminal.buffer() === 'alternate');
    terminal.type('\u0003');
    expect((await outcome(terminal)).kind).toBe('interrupt');
    expect(terminal.buffer()).toBe('normal');
  });

  it('scrolls through ten thousand changes', async () => {
    const terminal = await start({ changes: 10_000 });
    terminal.type('G');
    await terminal.until((screen) => /^> .*package-09999/m.test(screen));
    terminal.type('k'.repeat(30));
    await terminal.until((screen) => /^> .*package-09969/m.test(screen));
    terminal.type('/package-05000\r');
    await terminal.until((screen) => /^> .*package-05000/m.test(screen));
    terminal.type('\u0003');
    expect((await outcome(terminal)).kind).toBe('interrupt');
  });
});
