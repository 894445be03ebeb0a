import { describe, expect, test } from 'vitest';
import { asksForRecommended, type IgnoredWords, parseAskedPackages } from './system-packages.ts';

const where = { file: 'cog.yaml', line: 7 };
const located = (value: string) => ({ value, where });

function parse(...entries: string[]) {
  const ignored: string[] = [];
  const asked = parseAskedPackages(
    entries.map((value) => ({ value, where })),
    'amd64',
    ({ text }: IgnoredWords) => ignored.push(text),
  );
  return { names: asked.map(({ text }) => text), ignored, asked };
}

describe('entries of system_packages', () => {
  test.each([
    ['ffmpeg', ['ffmpeg'], []],
    ['  libgl1   libsm6\tgit ', ['libgl1', 'libsm6', 'git'], []],
    ['', [], []],
    ['# libgl1', [], []],
    ['ffmpeg # for audio', ['ffmpeg'], []],
    ['libc6-dev#1', undefined, []],
    ['g++', ['g++'], []],
    ['apt', ['apt'], []],
    ['apt sudo', ['apt', 'sudo'], []],
    ['fluidsynth --fix-missing', ['fluidsynth'], ['--fix-missing']],
    ['-y ffmpeg', ['ffmpeg'], ['-y']],
    ['-qqy --no-install-recommends ffmpeg git', ['ffmpeg', 'git'], ['-qqy', '--no-install-recommends']],
    ['apt-get install -y ffmpeg', ['ffmpeg'], ['-y']],
    ['apt install ffmpeg git', ['ffmpeg', 'git'], []],
    ['sudo apt-get -y install ffmpeg', ['ffmpeg'], ['-y']],
    [
      'RUN apt-get update && apt-get install -y ffmpeg git && rm -rf /var/lib/apt/lists/*',
      ['ffmpeg', 'git'],
      ['apt-get update', '-y', 'rm -rf /var/lib/apt/lists/*'],
    ],
    ['apt-get update&&apt-get install git', ['git'], ['apt-get update']],
    ['apt-get install -y \\\n  ffmpeg \\\n  # sound\n  sox', ['ffmpeg', 'sox'], ['-y']],
    ['ffmpeg=7:5.1*', ['ffmpeg=7:5.1*'], []],
    ['libc6:amd64 python3:native', ['libc6:amd64', 'python3:native'], []],
    ['curl/bookworm', ['curl/bookworm'], []],
  ])('%j', (entry, names, ignored) => {
    if (names === undefined) expect(() => parse(entry)).toThrow(/no name of a Debian package/);
    else expect(parse(entry)).toMatchObject({ names, ignored });
  });

  test('versions, architectures and suites are taken apart', () => {
    expect(parse('ffmpeg=7:5.1*', 'libc6:amd64', 'curl/bookworm-security').asked).toMatchObject([
      { name: 'ffmpeg', version: '7:5.1*' },
      { name: 'libc6' },
      { name: 'curl', suite: 'bookworm-security' },
    ]);
  });

  test.each([
    ['-t bookworm-backports git', /-t is an option/],
    ['apt-get remove git', /installs nothing/],
    ['sudo make install', /install is part of a command/],
    ['curl | sh', /\| is part of a command/],
    ['./local.deb', /no name/],
    ['https://example.com/a.deb', /no name/],
    ['ffmpeg, git', /ffmpeg, is no name/],
    ['FFmpeg', /no name/],
    ['libgl*', /no name/],
    ['nano-', /no name/],
    ['libc6:arm64', /for arm64, the image for amd64/],
    ['curl=', /no Debian version/],
    ['curl/', /no name/],
    ['curl/book worm/x y/Z', /no package of a suite/],
    ['curl=1/bookworm', /no Debian version/],
    ['curl/bookworm=1', /no package of a suite/],
    ['$PACKAGES', /no name/],
    ['--flag=$(rm -rf /)', /is an option/],
  ])('%j is refused with its place', (entry, message) => {
    expect(() => parse(entry)).toThrow(message);
    expect(() => parse(entry)).toThrow(
      expect.objectContaining({ code: 'COGPLAN_SYSTEM_PACKAGE_SYNTAX', where, hint: expect.any(String) }),
    );
  });
});

test('--install-recommends is understood wherever it stands', () => {
  expect(asksForRecommended([located('git'), located('-y --install-recommends curl')])).toBe(true);
  expect(asksForRecommended([located('--no-install-recommends git')])).toBe(false);
  expect(
    parseAskedPackages([located('--install-recommends'), located('git')], 'amd64').map(({ name }) => name),
  ).toEqual(['git']);
});
