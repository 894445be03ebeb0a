import { CogplanError } from '../errors.ts';

interface Kind {
  /** Of the first line that tells. */
  readonly pattern: RegExp;
  readonly what: string;
  readonly hint: string;
}

const KINDS: readonly Kind[] = [
  {
    pattern: /^(?:channels|dependencies):\s*$/m,
    what: 'an environment of conda',
    hint: 'Write what pip has to install into it, one requirement to a line: conda packages have other names and builds, and Python is build.python_version.',
  },
  {
    pattern: /^\[tool\.poetry/m,
    what: 'a configuration of Poetry',
    hint: 'Run `poetry export -f requirements.txt -o requirements.txt`, or write one requirement to a line.',
  },
  {
    pattern: /^\[(?:packages|dev-packages)\]\s*$/m,
    what: 'a Pipfile',
    hint: 'Run `pipenv requirements > requirements.txt`.',
  },
  {
    pattern: /^\[(?:project|build-system|project\.[\w-]+)\]\s*$/m,
    what: 'a pyproject.toml',
    hint: 'Name it pyproject.toml, and name that in python_requirements.',
  },
  {
    pattern: /^\[(?:metadata|options)\]\s*$/m,
    what: 'a setup.cfg',
    hint: 'Write what stands below install_requires into it, one requirement to a line.',
  },
  {
    pattern: /^(?:FROM\s+\S+|RUN\s+\S+.*)$/m,
    what: 'a Dockerfile',
    hint: 'Write the packages that it installs into it, one requirement to a line; commands stand below build.run in cog.yaml.',
  },
  {
    pattern: /^(?:from\s+setuptools\s+import\b.*|import\s+setuptools\b.*)$/m,
    what: 'a setup.py',
    hint: 'Write what stands in install_requires into it, one requirement to a line.',
  },
  {
    pattern: /^Package\s+Version\s*(?:Editable project location\s*)?\n-{3,}/m,
    what: 'what `pip list` prints',
    hint: 'Run `pip freeze > requirements.txt` instead.',
  },
];

/** Refuses, at the line that tells, a requirements file that is a file of another tool; true for any other text. */
export function refuseForeignContent(text: string, file: string): true {
  const plain = text.replaceAll('\r\n', '\n');
  for (const { pattern, what, hint } of KINDS) {
    const at = plain.search(pattern);
    if (at < 0) continue;
    throw new CogplanError('COGPLAN_REQUIREMENTS_FILE', `${file} is ${what}, not a list of requirements`, {
      subject: file,
      where: { file, line: plain.slice(0, at).split('\n').length, column: 1 },
      hint,
    });
  }
  return true;
}
