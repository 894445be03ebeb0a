import { expect, test } from 'vitest';
import { CogplanError } from '../errors.ts';
import { refuseForeignContent } from './foreign-content.ts';

function refusal(text: string): CogplanError {
  try {
    refuseForeignContent(text, 'r.txt');
  } catch (error) {
    if (error instanceof CogplanError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test.each([
  [
    'name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.9\n',
    2,
    /environment of conda/,
    /build\.python_version/,
  ],
  ['# ours\n[tool.poetry.dependencies]\nsix = "^1.16"\n', 2, /Poetry/, /poetry export/],
  ['[packages]\r\nsix = "*"\r\n', 1, /Pipfile/, /pipenv requirements/],
  ['[project]\nname = "x"\n', 1, /pyproject\.toml/, /python_requirements/],
  ['[metadata]\nname = x\n', 1, /setup\.cfg/, /install_requires/],
  ['FROM python:3.11\nRUN pip install six\n', 1, /Dockerfile/, /build\.run/],
  ['from setuptools import setup\nsetup()\n', 1, /setup\.py/, /install_requires/],
  ['Package    Version\n---------- -------\nsix        1.16.0\n', 1, /pip list/, /pip freeze/],
])('%j', (text, line, message, hint) => {
  const error = refusal(text);
  expect(error).toMatchObject({ code: 'COGPLAN_REQUIREMENTS_FILE', where: { file: 'r.txt', line } });
  expect(error.message).toMatch(message);
  expect(error.hint).toMatch(hint);
});

test.each(['six\nidna==3.7\n', '', '# [project]\nsix[packages]==1\n', 'dependencies==1.0\nFROM==1\nchannels\n'])(
  '%j is a list',
  (text) => {
    expect(refuseForeignContent(text, 'r.txt')).toBe(true);
  },
);
