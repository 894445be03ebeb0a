import { findMissing, headerPackage, pkgConfigPackage } from '../../../formats/debian/missing-packages.ts';

/** What to do about a build that failed, by what its log says. */
export type Remedy =
  /** Something that the project needs to be built and does not say: added, and the build tried again. */
  | { readonly kind: 'require'; readonly requirement: string; readonly why: string }
  /** Nothing but the user can do. */
  | {
      readonly kind: 'advice';
      readonly text: string;
      /** Debian packages that the text says to add. */
      readonly packages?: readonly string[];
    };

interface Row {
  readonly pattern: RegExp;
  readonly remedy: (match: RegExpExecArray, log: string) => Remedy | undefined;
}

/** Distributions of the modules that projects import while they are built, without saying so. */
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  Cython: 'cython',
  cffi: 'cffi',
  cmake: 'cmake',
  cppy: 'cppy',
  distutils: 'setuptools<81',
  hatchling: 'hatchling',
  mypyc: 'mypy',
  ninja: 'ninja',
  numpy: 'numpy',
  packaging: 'packaging',
  pbr: 'pbr',
  pkg_resources: 'setuptools<81',
  poetry: 'poetry-core',
  psutil: 'psutil',
  pybind11: 'pybind11',
  pytest_runner: 'pytest-runner',
  requests: 'requests',
  scipy: 'scipy',
  setuptools: 'setuptools<81',
  setuptools_rust: 'setuptools-rust',
  setuptools_scm: 'setuptools-scm',
  six: 'six',
  skbuild: 'scikit-build',
  toml: 'toml',
  torch: 'torch',
  tqdm: 'tqdm',
  versioneer: 'versioneer',
  wheel: 'wheel',
  yaml: 'pyyaml',
};

const require = (requirement: string, why: string): Remedy => ({ kind: 'require', requirement, why });
const advice = (text: string): Remedy => ({ kind: 'advice', text });
const debian = (missing: string, ...packages: readonly string[]): Remedy => ({
  kind: 'advice',
  text: `It needs ${missing}: add ${packages.join(' and ')} to build.system_packages.`,
  packages,
});

/** The first row whose pattern is found, and that gives a remedy, counts. */
const ROWS: readonly Row[] = [
  {
    pattern: /No module named '?"?([A-Za-z_]\w*)/,
    remedy: ([text, module = '']) => {
      const distribution = Object.hasOwn(DISTRIBUTIONS, module) ? DISTRIBUTIONS[module] : undefined;
      if (distribution !== undefined) return require(distribution, `it imports ${module}`);
      // An import, rather than a program that calls it.
      if (module === 'pip' && /['"]/.test(text)) return require('pip', 'it imports pip');
      if (module === 'pip')
        return advice(
          'It calls pip to install other packages while it is built, and builds have no network: choose a version that has a wheel, or take it from the index of its maker (an index rule in cogplan.yaml).',
        );
      if (module === 'imp') return advice('It was written for Python 3.11 and older: ask for one of those.');
      return advice(
        `It imports ${module} while it is built and does not say which package that is: choose another version of it.`,
      );
    },
  },
  { pattern: /use_2to3 is invalid/, remedy: () => require('setuptools<58', 'it was written for Python 2') },
  {
    pattern: /cython_sources|Cython\.Compiler\.Errors\.CompileError/,
    remedy: () => require('cython<3', 'it was written for Cython 0.29'),
  },
  {
    pattern: /(?:CMake must be installed|cmake: (?:command )?not found|No such file or directory: 'cmake')/i,
    remedy: () => require('cmake<4', 'it calls cmake'),
  },
  {
    pattern: /(?:ninja: (?:command )?not found|No such file or directory: 'ninja'|Ninja is required)/i,
    remedy: () => require('ninja', 'it calls ninja'),
  },
  {
    pattern: /(?:swig: (?:command )?not found|No such file or directory: 'swig[\d.]*')/i,
    remedy: () => require('swig', 'it calls swig'),
  },
  {
    pattern: /fatal error: ([\w./+-]+\.h(?:pp)?): No such file/,
    remedy: ([, header = '']) => {
      const name = headerPackage(header);
      if (name !== undefined) return debian(`the header ${header}`, name);
      if (/^(?:cuda|cublas|cudnn|curand|nv)/.test(header)) return advice(CUDA);
      if (/^numpy\//.test(header)) return require('numpy', 'it includes the headers of numpy');
      return advice(`It needs the header ${header}: add the Debian package that has it to build.system_packages.`);
    },
  },
  { pattern: /CUDA_HOME|nvcc(?:: (?:command )?not found)|CUDA toolkit/i, remedy: () => advice(CUDA) },
  {
    pattern: /(?:mysql_config|mysqlclient).*not found/,
    remedy: () => debian('mysql_config', 'default-libmysqlclient-dev'),
  },
  { pattern: /pg_config executable not found/, remedy: () => debian('pg_config', 'libpq-dev') },
  {
    pattern: /(?:xml2-config|xslt-config|libxml2 and libxslt)/,
    remedy: () => debian('libxml2 and libxslt', 'libxml2-dev', 'libxslt1-dev'),
  },
  {
    pattern: /(?:Package|Dependency) ['"]?([\w.+-]+)['"]?,? (?:required by .*)?(?:was )?not found/,
    remedy: ({ 1: name = '' }, log) => {
      const missing = askedTogether(name, log);
      const packages = [...new Set(missing.map(pkgConfigPackage))];
      const noun = packages.length > 1 ? 'packages' : 'package';
      return {
        kind: 'advice',
        text: `It asks pkg-config for ${missing.join(', ')}: add the Debian ${noun} ${packages.join(', ')} to build.system_packages, or choose a version that has a wheel.`,
        packages,
      };
    },
  },
  {
    pattern: /cannot find -l([\w+.-]+)/,
    remedy: ([, name = '']) => ({
      kind: 'advice',
      text: `It links with lib${name}: add the Debian package lib${name}-dev to build.system_packages.`,
      packages: [`lib${name}-dev`],
    }),
  },
  {
    pattern:
      /(?:can't find Rust compiler|cargo: (?:command )?not found|No such file or directory: 'cargo'|rustc.*not (?:found|installed))/i,
    remedy: () =>
      advice(
        'It is written in Rust, whose packages would have to be fetched while it is built: choose a version that has a wheel.',
      ),
  },
  {
    pattern:
      /(?:Could not resolve host|Temporary failure in name resolution|Network is unreachable|urlopen error|Max retries exceeded)/,
    remedy: () =>
      advice(
        'It downloads something while it is built, and builds have no network: choose a version that has a wheel, or put what it needs into the project.',
      ),
  },
  {
    pattern: /No such file or directory: ['"]([\w.+-]+)['"]|([\w.+-]+): (?:command )?not found$/m,
    remedy: ([line]) => {
      const missing = findMissing(line);
      return missing === undefined || missing.packages.length === 0
        ? undefined
        : debian(missing.what, ...missing.packages);
    },
  },
  {
    pattern: /(?:unable to detect version|SetuptoolsScm|LookupError: setuptools-scm)/,
    remedy: () =>
      advice('It reads its version from a repository: name it by git+https://… rather than as a directory or archive.'),
  },
  {
    pattern: /(?:MemoryError|Killed signal|cc1plus.*killed)/,
    remedy: () => advice('The machine has too little memory to build it.'),
  },
  {
    pattern: /requires a different Python|Python (?:version )?>= ?[\d.]+ is required/,
    remedy: () => advice('Ask for another build.python_version, or another version of the package.'),
  },
];

const CUDA =
  'It compiles CUDA and needs the CUDA toolkit: name one of its prebuilt wheels by URL, or take a base image that has the toolkit (base in cogplan.yaml).';

/** All that the last call of pkg-config missed: it names each on a line of its own, one after another. */
function askedTogether(last: string, log: string): readonly string[] {
  const runs = [...log.matchAll(/(?:^Package '[\w.+-]+', required by .*not found$\n?)+/gm)];
  const names = [...(runs.at(-1)?.[0] ?? '').matchAll(/^Package '([\w.+-]+)'/gm)].map(([, name = '']) => name);
  return names.includes(last) ? [...new Set(names)] : [last];
}

/** The known remedy for a failed build. */
export function findRemedy(log: string): Remedy | undefined {
  for (const { pattern, remedy } of ROWS) {
    const match = lastMatch(pattern, log);
    const found = match === undefined ? undefined : remedy(match, log);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lastMatch(pattern: RegExp, text: string): RegExpExecArray | undefined {
  return [...text.matchAll(new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`))].at(-1) as
    | RegExpExecArray
    | undefined;
}
