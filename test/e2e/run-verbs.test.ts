import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, cogplan, cogplanJson, copyExample, SHARED_STORE } from './cogplan.ts';

const MODEL = `
import os, sys, time
from cog import BasePredictor, BaseModel, ConcatenateIterator, Input, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(text: Path, times: int = Input(default=1, ge=1)) -> TrainingOutput:
    with open("learned.txt", "w") as file:
        file.write(open(str(text)).read() * times)
    return TrainingOutput(weights=Path("learned.txt"))


class Predictor(BasePredictor):
    def setup(self, weights: Path = None) -> None:
        self.learned = "nothing" if weights is None else open(str(weights)).read()

    def predict(self, count: int = Input(default=3, le=1000), pause: float = 0.0) -> ConcatenateIterator[str]:
        print("learned", self.learned, file=sys.stderr)
        for index in range(count):
            yield os.environ.get("WORD", "word") + str(index) + " "
            time.sleep(pause)
`;

let place: string;
let project: string;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'cogplan-verbs-'));
  project = copyExample('hello-world', place);
  writeFileSync(
    join(project, 'cog.yaml'),
    'build:\n  python_version: "3.11"\npredict: "model.py:Predictor"\ntrain: "model.py:train"\n',
  );
  writeFileSync(join(project, 'model.py'), MODEL);
  await cogplanJson(['lock', project, '--yes']);
  await cogplanJson(['apply', project]);
});
afterAll(() => rmSync(place, { recursive: true, force: true, maxRetries: 3 }));

describe('train', () => {
  it('writes the weights, which the next prediction finds', async () => {
    writeFileSync(join(place, 'lesson.txt'), 'abc');
    const trained = await cogplan(['train', '.', '-i', 'text=@../lesson.txt', '-i', 'times=2'], { cwd: project });
    expect(trained.stdout, trained.stderr).toBe('Written output to: weights\n');
    expect(readFileSync(join(project, 'weights'), 'utf8')).toBe('abcabc');
    const predicted = await cogplan(['predict', project, '-i', 'count=1']);
    expect(predicted.stdout, predicted.stderr).toBe('word0 \n');
    expect(predicted.stderr).toContain('learned abcabc');
  });

  it('writes elsewhere with -o, and gives JSON', async () => {
    writeFileSync(join(place, 'lesson.txt'), 'x');
    const output = join(place, 'out.bin');
    const { status } = await cogplanJson<{ status: string }>([
      ...['train', project, '-i', `text=@${join(place, 'lesson.txt')}`, '-o', output],
    ]);
    expect(status).toBe('succeeded');
    expect(readFileSync(output, 'utf8')).toBe('x');
  });

  it('refuses inputs before anything starts', async () => {
    const result = await cogplan(['train', project, '-i', 'times=many', '-i', 'text=@/etc/hostname']);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('COGPLAN_PREDICTION_INPUT');
    expect(result.stderr).not.toContain('Setting the model up');
  });
});

describe('predict', () => {
  it('shows pieces as they come', async () => {
    const child = execa(process.execPath, [CLI, 'predict', project, '-i', 'count=2', '-i', 'pause=5', '-e', 'WORD=w'], {
      env: { COGPLAN_STORE: SHARED_STORE },
      stdin: 'ignore',
    });
    const pieces: string[] = [];
    child.stdout.on('data', (piece) => pieces.push(String(piece)));
    const { stdout } = await child;
    expect(stdout).toBe('w0 w1 ');
    expect(pieces[0]).not.toContain('w1');
  });

  it('ends at once when interrupted, and leaves nothing running', async () => {
    const child = execa(process.execPath, [CLI, 'predict', project, '-i', 'count=1000', '-i', 'pause=1'], {
      env: { COGPLAN_STORE: SHARED_STORE },
      stdin: 'ignore',
      reject: false,
    });
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    const started = performance.now();
    child.kill('SIGINT');
    const { exitCode } = await child;
    expect(exitCode).toBe(130);
    expect(performance.now() - started).toBeLessThan(120_000);
  });
});

describe('exec', () => {
  it('runs a command with the project, its input and its exit code', async () => {
    const program =
      'import os,sys; print(os.getcwd(), [name for name in sorted(os.listdir(".")) if name in ("model.py", "predict.py")], os.environ["A"], sys.stdin.read()); open("made", "w").write("x"); sys.stderr.write("told"); sys.exit(7)';
    const result = await execa(process.execPath, [CLI, 'exec', '--quiet', '-e', 'A=b', 'python', '-c', program], {
      env: { COGPLAN_STORE: SHARED_STORE },
      cwd: project,
      input: 'given',
      reject: false,
    });
    expect(result.stdout).toBe("/src ['model.py', 'predict.py'] b given");
    expect(result.stderr).toContain('told');
    expect(result.exitCode).toBe(7);
    expect(readFileSync(join(project, 'made'), 'utf8')).toBe('x');
  });

  it('tells of a command that is not in the image', async () => {
    const result = await cogplan(['exec', '--project', project, 'nonesuch']);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('nonesuch');
  });
});

it('GPUs need the Docker Engine', async () => {
  const result = await cogplan(['predict', project, '--gpus', 'all']);
  expect(result.stderr).toContain('Add --sandbox docker.');
  expect(result.status).toBe(1);
});
