import { describe, expect, test } from 'vitest';
import { applyEdits } from './edit-spec.ts';

const TEXT = `build:
  system_packages: # libgl1-mesa-glx is for OpenCV
    - "libgl1-mesa-glx"   # keep me
    - libgl1-mesa-glx-extra git, libgl1-mesa-glx
    - 'python3-distutils'\r
    - gone
`;

const edit = (line: number, from: string, to: string) => ({ file: 'cog.yaml', line, from, to });

describe('edits of a project file', () => {
  test('change whole words outside of comments, and nothing else', () => {
    const edits = [edit(3, 'libgl1-mesa-glx', 'libgl1'), edit(4, 'libgl1-mesa-glx', 'libgl1'), edit(6, 'gone', '')];
    expect(applyEdits(TEXT, edits)).toBe(`build:
  system_packages: # libgl1-mesa-glx is for OpenCV
    - "libgl1"   # keep me
    - libgl1-mesa-glx-extra git, libgl1
    - 'python3-distutils'\r
`);
    expect(applyEdits(TEXT, [edit(5, 'python3-distutils', 'python3-setuptools')])).toContain(
      "    - 'python3-setuptools'\r\n",
    );
  });

  test.each([
    ['of a comment', edit(2, 'libgl1-mesa-glx', 'x')],
    ['that is part of another', edit(4, 'libgl1', 'x')],
    ['of a line that is not there', edit(99, 'gone', 'x')],
  ])('a word %s is not touched', (_, stale) => {
    expect(() => applyEdits(TEXT, [stale])).toThrow(expect.objectContaining({ code: 'COGPLAN_FIX_STALE' }));
  });
});
