import { expect, test } from 'vitest';
import { findMissing } from './missing-packages.ts';

test.each([
  ['/bin/sh: 1: make: not found', 'the program make', ['make']],
  ['bash: line 1: unzip: command not found', 'the program unzip', ['unzip']],
  ['make: cc: No such file or directory\nmake: *** [a] Error 127', 'the program cc', ['gcc']],
  ['/usr/bin/env: ‘node’: No such file or directory', 'the program node', ['nodejs']],
  ["FileNotFoundError: [Errno 2] No such file or directory: 'git'", 'the program git', ['git']],
  ['/bin/sh: 1: our-tool: not found', 'the program our-tool', []],
  ['/usr/bin/ld: cannot find Scrt1.o: No such file or directory', "the C library's headers", ['libc6-dev']],
  ['a.c:1:10: fatal error: stdio.h: No such file or directory', 'the header stdio.h', ['libc6-dev']],
  ['/usr/bin/ld: cannot find -lsndfile', 'the library sndfile', ['libsndfile-dev']],
  ["Package 'opencv4', required by 'virtual:world', not found", 'opencv4, for pkg-config', ['libopencv-dev']],
])('%s', (log, what, packages) => {
  expect(findMissing(`first\n${log}\n`)).toEqual({ what, packages });
});

test.each(['404 Not Found', 'key not found in /etc/x', 'error: not found: x', ''])('nothing in %j', (log) => {
  expect(findMissing(log)).toBeUndefined();
});
