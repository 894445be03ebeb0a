import { expect, it } from 'vitest';
import { findRemedy } from './remedies.ts';

it('names all packages that one call of pkg-config missed', () => {
  const log = [
    "Package 'unrelated', required by 'virtual:world', not found",
    'checking for something else',
    'Package libavformat was not found in the pkg-config search path.',
    "Package 'libavformat', required by 'virtual:world', not found",
    "Package 'cairo', required by 'virtual:world', not found",
    "Package 'pango', required by 'virtual:world', not found",
    "Package 'pangocairo', required by 'virtual:world', not found",
    'error: command failed',
  ].join('\n');
  expect(findRemedy(log)).toMatchObject({
    kind: 'advice',
    text: expect.stringContaining('the Debian packages libavformat-dev, libcairo2-dev, libpango1.0-dev to'),
  });
});

it.each([
  ["Package 'libavcodec', required by 'virtual:world', not found", 'the Debian package libavcodec-dev to'],
  ['No package found\nPackage sndfile was not found in the pkg-config search path.', 'package libsndfile1-dev to'],
  ['Run-time dependency found: NO\nDependency "hdf5" not found, tried pkgconfig', 'package libhdf5-dev to'],
  [
    "FileNotFoundError: [Errno 2] No such file or directory: 'git'",
    'the program git: add git to build.system_packages',
  ],
  ['sh: 1: nasm: not found', 'the program nasm: add nasm to'],
  ['/usr/bin/python3.11: No module named pip', 'calls pip to install other packages'],
  ["Package 'constructor', required by 'virtual:world', not found", 'package libconstructor-dev to'],
])('of %j', (log, text) => {
  expect(findRemedy(log)).toMatchObject({ kind: 'advice', text: expect.stringContaining(text) });
});
