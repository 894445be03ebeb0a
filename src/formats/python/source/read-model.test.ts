import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelMode } from './openapi.ts';
import { plainJson } from './py-json.ts';
import { type ModelReading, readModel } from './read-model.ts';

/*
 * The oracle is the runtime itself: it imports each model below and says what it serves, or how it refuses it.
 */

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly target: string;
  readonly mode: ModelMode;
}

const RUNTIME = join(import.meta.dirname, '../../../../runtime-python');
const EXAMPLES = join(import.meta.dirname, '../../../../examples');

const ORACLE = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
from cog._worker.main import Model
from cog._schema.openapi import openapi_document
sys.path.insert(1, "")
own = set(sys.modules)
answers = []
for directory, target, mode in json.load(sys.stdin):
    os.chdir(directory)
    for name in set(sys.modules) - own:
        if getattr(sys.modules[name], "__file__", None) and sys.modules[name].__file__.startswith(os.path.dirname(directory)):
            del sys.modules[name]
    sys.path_importer_cache.clear()
    sys.path[1] = directory
    try:
        model = Model(target, mode)
        answers.append({"openapi": openapi_document(model.signature, mode, model.streaming)})
    except BaseException as error:
        answers.append({"error": str(error)})
print(json.dumps(answers))
`;

const PREAMBLE = `
from typing import *
from cog import *
import enum, datetime
`;

/** A model of one method with these parameters. */
function method(name: string, parameters: string, { returns = 'str', before = '' } = {}): Case {
  const text = `${PREAMBLE}${before}\nclass Predictor(BasePredictor):\n    def predict(self, ${parameters}) -> ${returns}:\n        pass\n`;
  return { name, files: { 'predict.py': text }, target: 'predict.py:Predictor', mode: 'predict' };
}

function output(returns: string, before = ''): Case {
  return method(`-> ${returns} ${before.slice(0, 40)}`, '', { returns, before });
}

function project(name: string, files: Readonly<Record<string, string>>, target = 'predict.py:Predictor'): Case {
  return { name, files, target, mode: 'predict' };
}

const PARAMETERS = [
  'x: str',
  'x: str = Input()',
  'x: str = Input(...)',
  'x: str = Input("a")',
  'x: str = Input("a", "described", None, None, 1, 5, "^a")',
  'x: str = Input(default=None)',
  'x: str = None',
  'x: Optional[str]',
  'x: Optional[str] = Input(description="d")',
  'x: "Optional[str]" = None',
  'x: Any',
  'x: Any = None',
  'x: int = Input(default=-10, ge=-20, le=3)',
  'x: int = Input(default=2**32 - 1, le=2**32 * 2)',
  'x: float = Input(default=0.5, ge=0, le=1.0)',
  'x: float = 1e-3',
  'x: bool = False',
  'x: Path = Input(description="a" "b")',
  'x: Path = Path("/tmp/a.png")',
  'x: Optional[Path] = None',
  'x: List[Path]',
  'x: list[str] = ["a", "b"]' as string,
  'x: List = []',
  'x: dict = {"a": 1}',
  'x: Dict[str, int]',
  'x: Dict[str, Any] = None',
  'x: Set[int]',
  'x: Tuple[int, str]',
  'x: Tuple[int, ...]',
  'x: Sequence[str]',
  'x: Mapping[str, float]',
  'x: Union[str, List[str]] = Input(description="one or more")',
  'x: Union[int, None, str]',
  'x: Union[int, Union[str, int]]',
  'x: Literal["a", "b"] = "a"',
  'x: Literal[1, "b", None]',
  'x: Optional[Literal["a", "b"]] = None',
  'x: Secret',
  'x: Optional[Secret] = None',
  'x: Secret = Secret("x")',
  'x: File',
  'x: Weights',
  'x: datetime.date, y: datetime.datetime, z: datetime.time',
  'x: object',
  'x: Text = "a"',
  'x_y2z: int, URL: str, über: str',
  'x: str = Input(choices=["a", "b"], default="b")',
  'x: str = Input(choices=("a", "b"))',
  'x: str = Input(choices=list({"a": 1, "b": 2}.keys()))',
  'x: str = Input(choices=sorted(["b", "a"]))',
  'x: str = Input(choices=[f"v{i}" for i in range(3)])',
  'x: str = Input(choices=[a + b for a in "xy" for b in "12" if a != "y" or b == "1"])',
  'x: int = Input(choices=[1, 2, 4], default=2)',
  'x: float = Input(choices=[1, 2.5])',
  'x: List[str] = Input(choices=["a", "b"], default=["a"])',
  'x: Optional[str] = Input(choices=["a", "b"], default=None)',
  'x: str = Input(default="a", deprecated=True)',
  'x: Path = Input(accept="image/*")',
  'x: str = Input(default="\\n\\t\\u00e9\\x41\\101" r"\\d")',
  'x: str = Input(description=f"{1 + 1} things", default="{}-{}".format(1, "b"))',
  'x: str = Input(regex="^[a-z]*$", min_length=1, max_length=20)',
  'x: str = "a" if True else "b"' as string,
  '*, x: int = 1',
  'x: int, *, y: int',
  '**kwargs: str',
  'x: int = 1, **rest',
  // What cannot be served.
  'x',
  'x, y: int',
  '*args: str',
  '*args',
  'x: bytes',
  'x: Missing',
  'x: "Missing"',
  'x: Callable[[], int]',
  'x: Iterator[str]',
  'x: bool = Input(choices=[True])',
  'x: str = Input(choices=[])',
  'x: str = Input(choices=[1, 2])',
  'x: int = Input(choices=["a"])',
  "x: str = Input(choices=['a'], default='b')",
  'x: str = Input(ge=1)',
  'x: int = Input(max_length=1)',
  "x: str = Input(accept='image/*')",
  'x: Path = Input(choices=["a"])',
  'x: List[bytes]',
  'x: Dict[str, bytes]',
  'x: Union[int, bytes]',
];

const ENUMS = `
class Color(enum.Enum):
    """Colours."""
    RED = "red"
    GREEN = "green"
    CRIMSON = "red"
    def shout(self): return self.value.upper()
class Size(str, enum.Enum):
    S = "s"
    L = "l"
class Level(enum.IntEnum):
    LOW = enum.auto()
    HIGH = enum.auto()
STYLES = {"anime": 1, "photo": 2}
NAMES = ["a", "b"]
MORE = NAMES + ["c"]
DEFAULT = NAMES[0]
def choice(default, values=NAMES):
    """Shared."""
    return Input(default=default, choices=values)
class Inputs:
    prompt = Input(description="shared", default="p")
    @staticmethod
    def number(low=0):
        return Input(default=low, ge=low, le=9)
Alias = Optional[List[int]]
UserId = NewType("UserId", int)
`;

const WITH_NAMES = [
  'x: Color',
  'x: Color = Color.RED',
  'x: Optional[Color] = None',
  'x: Size = Size.S',
  'x: str = Input(choices=list(Size), default=Size.L)',
  'x: Level = Level.HIGH',
  'x: str = Input(choices=[c.value for c in Color])',
  'x: str = Input(choices=[c.name for c in Color], default=Color.RED.name)',
  'x: str = Input(choices=list(STYLES), default="anime")',
  'x: str = Input(choices=STYLES.keys())',
  'x: str = Input(choices=MORE, default=DEFAULT)',
  'x: str = Input(choices=MORE[:2])',
  'x: str = choice("b")',
  'x: str = choice(default="c", values=MORE)',
  'x: str = Inputs.prompt, y: int = Inputs.number(2)',
  'x: Alias, y: UserId = 3',
  'x: str = Input(choices=list(Color))',
  'x: str = Input(default=DEFAULT.upper(), description=", ".join(NAMES))',
];

const MODELS = `
from dataclasses import dataclass, field
class Inner(BaseModel):
    score: float = 0.5
class Base(BaseModel):
    name: str
class Out(Base):
    """Doc."""
    count: int = 42
    file: Path
    tags: List[str] = []
    inner: Inner
    inners: Optional[List[Inner]]
    note: Optional[str] = None
    other: "Inner" = None
    kind: ClassVar[str] = "x"
    def method(self): pass
@dataclass
class Point:
    x: int
    y: int = 5
    z: List[int] = field(default_factory=list)
    hidden: int = field(default=1, init=False)
class Row(TypedDict):
    a: int
    b: NotRequired[str]
class Loose(TypedDict, total=False):
    a: int
class Tree(BaseModel):
    value: int
    children: List["Tree"] = []
class Plain:
    pass
class Output(BaseModel):
    text: str
class Status(BaseModel):
    input: Output
class Color(enum.Enum):
    RED = 1
    GREEN = 2.5
class Colored(BaseModel):
    color: Color
    again: Optional[Color] = None
`;

const OUTPUTS = [
  ...['str', 'int', 'Any', 'None', 'Path', 'File', 'List[Path]', 'Iterator[Path]', 'Iterator[str]', 'Iterator'],
  ...['ConcatenateIterator[str]', 'AsyncConcatenateIterator[str]', 'AsyncIterator[str]', 'Generator[str, None, None]'],
  ...['Dict[str, float]', 'dict', 'Optional[str]', 'Optional[List[str]]', 'Union[str, int]', 'bytes', 'Callable'],
  ...[
    'List[Dict[str, Any]]',
    'Literal["a"]',
    'Tuple[int, str]',
    'Secret',
    'datetime.datetime',
    '"str"',
    'Iterable[str]',
  ],
].map((returns) => output(returns));

const MODEL_OUTPUTS = [
  'Out',
  'List[Out]',
  'Point',
  'Row',
  'Loose',
  'Tree',
  'Plain',
  'Output',
  'List[Output]',
  'Status',
  'Colored',
  'Iterator[Inner]',
].map((returns) => output(returns, MODELS));

const PROJECTS: readonly Case[] = [
  project('names from other files', {
    'predict.py': `
from cog import BasePredictor, Input
from lib.config import STYLES as S, Mode
from lib import helpers
import lib.deep.more as more
import settings

class Predictor(BasePredictor):
    def predict(
        self,
        style: str = Input(choices=S, default=S[1]),
        mode: Mode = Mode.FAST,
        size: int = Input(default=helpers.SIZE, le=more.LIMIT),
        name: str = settings.NAME,
    ) -> helpers.Result:
        pass
`,
    'settings.py': 'NAME = "n"\n',
    'lib/__init__.py': '',
    'lib/config.py': 'import enum\nSTYLES = ["a", "b"]\nclass Mode(enum.Enum):\n    FAST = "fast"\n    SLOW = "slow"\n',
    'lib/helpers.py': 'from .types import Result\nfrom .deep.more import LIMIT\nSIZE = LIMIT // 2\n',
    'lib/types.py': 'from cog import BaseModel\nclass Result(BaseModel):\n    text: str\n',
    'lib/deep/__init__.py': 'from .more import *\n',
    'lib/deep/more.py': 'LIMIT = 64\n',
  }),
  project('a predict from a base class elsewhere', {
    'predict.py': 'from base import Base\nclass Predictor(Base):\n    def setup(self): pass\n',
    'base.py':
      'from cog import BasePredictor\nclass Base(BasePredictor):\n    def predict(self, x: int) -> int:\n        return x\n',
  }),
  project('a function', { 'predict.py': 'def predict(x: int = 1) -> int:\n    return x\n' }, 'predict.py:predict'),
  project('a function under another name', { 'm.py': 'def go(x: str) -> str:\n    return x\n' }, 'm.py:go'),
  project(
    'run',
    { 'run.py': 'from cog import BaseRunner\nclass Runner(BaseRunner):\n    def run(self, x: int) -> int: return x\n' },
    'run.py:Runner',
  ),
  project(
    'both',
    {
      'a.py': 'class P:\n    def run(self, x: int) -> int: return x\n    def predict(self, x: int) -> int: return x\n',
    },
    'a.py:P',
  ),
  project('neither', { 'a.py': 'class P:\n    def setup(self): pass\n' }, 'a.py:P'),
  project(
    'a static method',
    { 'a.py': 'class P:\n    @staticmethod\n    def predict(x: int) -> int: return x\n' },
    'a.py:P',
  ),
  project(
    'streaming',
    {
      'a.py':
        'from cog import streaming, ConcatenateIterator\nclass P:\n    @streaming\n    def predict(self, x: int) -> ConcatenateIterator[str]: yield "x"\n',
    },
    'a.py:P',
  ),
  project(
    'concurrent async',
    {
      'a.py':
        'import cog\nclass P:\n    @cog.concurrent(max=4)\n    async def predict(self, x: int) -> str: return "x"\n',
    },
    'a.py:P',
  ),
  project(
    'batched',
    {
      'a.py':
        'import cog\nfrom typing import List\nclass P:\n    @cog.batched(max_size=4)\n    def predict(self, x: List[int], y: List[str] = "a") -> List[str]: return []\n',
    },
    'a.py:P',
  ),
  project(
    'batched without lists',
    { 'a.py': 'import cog\nclass P:\n    @cog.batched(max_size=4)\n    def predict(self, x: int) -> str: return ""\n' },
    'a.py:P',
  ),
  project(
    'an async setup without an async method',
    {
      'a.py': 'class P:\n    async def setup(self): pass\n    def predict(self, x: int) -> int: return x\n',
    },
    'a.py:P',
  ),
  project('no return annotation', { 'a.py': 'class P:\n    def predict(self, x: int): return x\n' }, 'a.py:P'),
  project('a missing class', { 'a.py': 'class Other: pass\n' }, 'a.py:P'),
  project(
    'annotations as strings',
    {
      'a.py':
        'from __future__ import annotations\nfrom typing import List\nimport cog as c\nclass P:\n    def predict(self, x: int, y: List[Later] = None) -> c.ConcatenateIterator[str]: yield ""\nclass Later(c.BaseModel):\n    a: int\n',
    },
    'a.py:P',
  ),
  project(
    'class attributes as defaults',
    {
      'a.py':
        'from cog import Input\nclass P:\n    NAMES = ["a"]\n    SIZE: int = 4\n    def predict(self, x: str = Input(choices=NAMES), y: int = SIZE) -> str: return x\n',
    },
    'a.py:P',
  ),
  project(
    'a fallback import',
    {
      'a.py':
        'try:\n    from typing import Literal\nexcept ImportError:\n    from typing_extensions import Literal\nclass P:\n    def predict(self, x: Literal["a"]) -> str: return x\n',
    },
    'a.py:P',
  ),
  project(
    'a name bound twice',
    {
      'a.py': 'X = 1\nclass P:\n    def predict(self, x: int = X) -> int: return x\nX = 2\n',
    },
    'a.py:P',
  ),
  project(
    'an alias of a class',
    { 'a.py': 'class P:\n    def predict(self, x: int) -> int: return x\nModel = P\n' },
    'a.py:Model',
  ),
  project(
    'Windows line ends and a byte order mark',
    { 'a.py': '\ufeffclass P:\r\n    def predict(self, x: int) -> int:\r\n        return x\r\n' },
    'a.py:P',
  ),
  {
    ...project(
      'train',
      {
        't.py':
          'from cog import Input, Path, BaseModel\nclass TrainingOutput(BaseModel):\n    weights: Path\ndef train(n: int = Input(description="d")) -> TrainingOutput: pass\n',
      },
      't.py:train',
    ),
    mode: 'train',
  },
  {
    ...project(
      'train as a method',
      { 't.py': 'from cog import Path\nclass T:\n    def train(self, data: Path) -> Path: pass\n' },
      't.py:T',
    ),
    mode: 'train',
  },
];

const CASES: readonly Case[] = [
  ...PARAMETERS.map((parameters) => method(parameters, parameters)),
  ...WITH_NAMES.map((parameters) => method(parameters, parameters, { before: ENUMS })),
  ...OUTPUTS,
  ...MODEL_OUTPUTS,
  ...MODEL_OUTPUTS.flatMap(({ name }) => {
    const type = /^-> (\w+) /.exec(name)?.[1];
    return type === undefined ? [] : [method(`an input of ${type}`, `x: ${type}`, { before: MODELS })];
  }),
  ...PROJECTS,
  ...readdirSync(join(RUNTIME, 'tests/schemas'))
    .filter((file) => file.endsWith('.py') && file !== 'pydantic_output.py')
    .map((file) => ({
      name: `runtime-python/tests/schemas/${file}`,
      files: { 'model.py': readFileSync(join(RUNTIME, 'tests/schemas', file), 'utf8') },
      target: file === 'train.py' ? 'model.py:train' : 'model.py:Predictor',
      mode: file === 'train.py' ? ('train' as const) : ('predict' as const),
    })),
  ...['hello-world', 'ocr'].map((example) => ({
    name: `examples/${example}`,
    files: {
      'predict.py': readFileSync(join(EXAMPLES, example, 'predict.py'), 'utf8'),
      // The oracle needs only its name.
      'rapidocr_onnxruntime.py': 'class RapidOCR: pass\n',
    },
    target: 'predict.py:Predictor',
    mode: 'predict' as const,
  })),
];

function reading({ files, target, mode }: Case): ModelReading {
  const [file = '', name = ''] = target.split(':');
  return readModel({ read: (path) => files[path] }, { file, name, mode });
}

describe('what is read is what the runtime serves', () => {
  let answers: readonly { readonly openapi?: unknown; readonly error?: string }[] = [];
  let root = '';

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'cogplan-models-'));
    const rows = CASES.map((one, index) => {
      const directory = join(root, `m${index}`);
      for (const [path, text] of Object.entries(one.files)) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), text);
      }
      return [directory, one.target, one.mode];
    });
    answers = JSON.parse(
      execFileSync('python3', ['-c', ORACLE, join(RUNTIME, 'src')], { input: JSON.stringify(rows), encoding: 'utf8' }),
    ) as typeof answers;
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.each(CASES.map((one, index) => [one.name, index] as const))('%s', (_, index) => {
    const one = CASES[index] as Case;
    const result = reading(one);
    const answer = answers[index] ?? {};
    if (answer.openapi !== undefined) {
      expect(result.kind, inspect(result)).not.toBe('wrong');
      if (result.kind === 'read') expect(plainJson(result.openapi)).toEqual(answer.openapi);
      expect(NOT_READABLE.has(one.name), inspect(result)).toBe(result.kind === 'not-readable');
    } else {
      expect(result.kind, `${inspect(result)} ${answer.error}`).toBe('wrong');
    }
  });
});

/** Read as far as that only running them tells. */
const NOT_READABLE: ReadonlySet<string> = new Set([
  'x: str = "a" if True else "b"',
  'x: str = Input(choices=MORE[:2])',
]);
