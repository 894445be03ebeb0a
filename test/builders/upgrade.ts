import type { Lock, PythonPackage, SystemPackage } from '../../src/lock/schema.generated.ts';
import { aDeb, aFile, aLock, aSeal, aWheel } from './lock.ts';

const wheel = (name: string, version: string, change: Partial<PythonPackage> = {}): PythonPackage => {
  const filename = `${name}-${version}-cp311-cp311-manylinux_2_28_x86_64.whl`;
  const file = aFile(filename, { url: `https://files.pythonhosted.org/packages/${filename}`, size: 3_400_000 });
  return aWheel(name, version, { file, ...change });
};

const ASKED = {
  python: { requirements: ['rapidocr==1.4.4', 'tqdm'] },
  interpreter: { 'build.python_version': '3.11' },
};
const OCR = { asked: ['requirements.txt:1: rapidocr==1.4.4'], requires: ['numpy<3,>=1.19', 'onnxruntime>=1.7', 'six'] };
const LIBRARIES = Array.from({ length: 16 }, (_, index) => `libpart${String(index + 1).padStart(2, '0')}`);

/** A lock of an OCR model, and the same project upgraded some months later: a bit of everything that an upgrade brings. */
export function anUpgrade(): { readonly before: Lock; readonly after: Lock } {
  const plain = aLock().targets['linux/amd64'];
  if (plain === undefined) throw new Error('the builder has no target');
  const archive = plain.system.archives[0];
  if (archive === undefined) throw new Error('the builder has no archive');
  const debs = (revision: number): SystemPackage[] => [
    aDeb('libc6', `2.36-9+deb12u${revision + 9}`),
    aDeb('libgl1', '1.6.0-1', {
      group: 'system',
      asked: 'build.system_packages: libgl1',
      depends: [...LIBRARIES],
    }),
    ...LIBRARIES.map((name) => aDeb(name, `1.2-${revision}`, { group: 'system' })),
  ];
  const before = aLock(
    { asked: ASKED, holds: [{ subject: 'python/shapely', reason: '2.2 changes polygons', since: '2026-05-01' }] },
    {
      system: { archives: [archive], packages: debs(3) },
      python: {
        indexes: ['https://pypi.org/simple'],
        packages: [
          wheel('numpy', '1.26.4', {
            file: aFile('numpy-1', {
              url: 'https://files.pythonhosted.org/packages/numpy-1.26.4-cp311-cp311-manylinux_2_28_x86_64.whl',
              size: 18_300_000,
            }),
          }),
          wheel('onnxruntime', '1.31.1', { requires: ['numpy>=1.21'] }),
          wheel('rapidocr', '1.4.4', OCR),
          wheel('shapely', '2.1.0'),
          wheel('six', '1.16.0'),
        ],
      },
      seals: [aSeal('base', { family: 'base', size: 120_000_000 }), aSeal('wheels')],
    },
  );
  const after = aLock(
    { asked: { ...ASKED, python: { requirements: ['rapidocr==1.4.4', 'tqdm', 'scipy'] } }, holds: before.holds },
    {
      system: {
        archives: [{ ...archive, date: '2026-11-20T00:00:00Z', packages: aFile('Packages-2') }],
        packages: debs(4),
      },
      python: {
        indexes: ['https://pypi.org/simple'],
        packages: [
          wheel('numpy', '2.4.6', {
            file: aFile('numpy-2', {
              url: 'https://files.pythonhosted.org/packages/numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl',
              size: 16_918_164,
            }),
          }),
          wheel('onnxruntime', '1.32.0', { requires: ['numpy>=2'] }),
          wheel('rapidocr', '1.4.4', {
            ...OCR,
            requires: ['numpy<3,>=1.19', 'onnxruntime>=1.7'],
            file: aFile('another', {
              url: 'https://files.pythonhosted.org/packages/rapidocr-1.4.4-cp311-cp311-manylinux_2_28_x86_64.whl',
              size: 3_400_000,
            }),
          }),
          wheel('scipy', '1.18.0rc1', { asked: ['requirements.txt:3: scipy'], requires: ['numpy>=2'] }),
          wheel('shapely', '2.1.0'),
        ],
      },
      seals: [aSeal('base', { family: 'base', size: 120_000_000 })],
    },
  );
  return { before, after };
}
