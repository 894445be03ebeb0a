import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { CogplanError } from '../../errors.ts';
import type { Sandbox, SandboxProcess } from '../sandbox/sandbox.ts';
import { BYTECODE_PROGRAM } from './bytecode-program.ts';

/** A module to compile: its absolute path in the image, which tracebacks will show, and its text. */
export interface ModuleSource {
  readonly path: string;
  read(): Buffer;
}

/** Where the interpreter wrote each module's .pyc in one file of results. */
export interface CompiledModules {
  /** The interpreter's cache tag, such as `cpython-311`. */
  readonly tag: string;
  /** In the order of the sources; undefined where a module does not compile. */
  readonly slices: readonly ({ readonly offset: number; readonly length: number } | undefined)[];
}

export interface CompileRequest {
  readonly sandbox: Sandbox;
  /** Root file system of the interpreter. */
  readonly root: string;
  /** Absolute path of the interpreter in it. */
  readonly interpreter: string;
  /** For messages: the package that the modules belong to. */
  readonly what: string;
  readonly sources: readonly ModuleSource[];
  /** File that the .pyc bytes are written to, one after the other. Must not exist. */
  readonly target: string;
  readonly signal: AbortSignal;
}

const MAX_PYC = 256 * 1024 * 1024;
const ERROR_TAIL = 2000;

/**
 * Compiles one package's modules in one fresh interpreter, in the order given. The same sources give the same bytes on every machine: the
 * environment is fixed, the hash seed too, and nothing of the host is visible. Fails with COGPLAN_BYTECODE_FAILED when
 * the interpreter ends early; a module that does not compile is an expected outcome.
 */
export async function compileModules(request: CompileRequest): Promise<CompiledModules> {
  const interpreter = await request.sandbox.start({
    root: request.root,
    // Isolated mode (-I) would make the interpreter ignore the hash seed; an empty environment and `/` give the same isolation.
    argv: [request.interpreter, '-s', '-S', '-B', '-W', 'ignore', '-c', BYTECODE_PROGRAM],
    env: { LC_ALL: 'C.UTF-8', PYTHONHASHSEED: '0' },
    cwd: '/',
    binds: [],
    tmpfs: [],
    network: 'none',
    signal: request.signal,
  });
  const errors = tailOf(interpreter.stderr);
  const feeding = feed(interpreter, request.sources);
  let result: CompiledModules | undefined;
  let cause: unknown;
  try {
    result = await collect(interpreter.stdout, request);
  } catch (error) {
    cause = error;
    interpreter.kill('SIGKILL');
  }
  await feeding;
  const code = await interpreter.exited;
  request.signal.throwIfAborted();
  if (result !== undefined && code === 0) return result;
  const seen = (await errors).trim();
  throw new CogplanError(
    'COGPLAN_BYTECODE_FAILED',
    `${request.interpreter} ended with code ${code} while it compiled the modules of ${request.what}${seen === '' ? '' : `: ${seen}`}`,
    { subject: request.what, hint: 'Apply without bytecode, or report the package.', cause },
  );
}

/** Sends the modules; an interpreter that went away shows in its exit code. */
async function feed(interpreter: SandboxProcess, sources: readonly ModuleSource[]): Promise<void> {
  const { stdin } = interpreter;
  let open = true;
  let wake: () => void = () => {};
  const onClose = () => {
    open = false;
    wake();
  };
  stdin
    .on('close', onClose)
    .on('error', onClose)
    .on('drain', () => wake());
  for (const source of sources) {
    if (!open) return;
    const path = Buffer.from(source.path, 'utf8');
    const content = source.read();
    stdin.write(Buffer.concat([uint32(path.length), path, uint32(content.length)]));
    if (!stdin.write(content) && open) await new Promise<void>((resolve) => (wake = resolve));
  }
  stdin.end();
}

async function collect(stdout: Readable, request: CompileRequest): Promise<CompiledModules> {
  const frames = readFrames(stdout);
  const target = openSync(request.target, 'wx', 0o644);
  try {
    const tag = (await nextFrame(frames)).toString('latin1');
    if (!/^[a-z0-9-]{1,64}$/.test(tag)) throw new Error('the cache tag is malformed');
    const slices: ({ offset: number; length: number } | undefined)[] = [];
    let offset = 0;
    for (let index = 0; index < request.sources.length; index++) {
      const pyc = await nextFrame(frames);
      slices.push(pyc.length === 0 ? undefined : { offset, length: pyc.length });
      for (let sent = 0; sent < pyc.length; ) sent += writeSync(target, pyc, sent);
      offset += pyc.length;
    }
    if ((await frames.next()).done !== true) throw new Error('more output than modules');
    return { tag, slices };
  } finally {
    closeSync(target);
  }
}

async function nextFrame(frames: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  const next = await frames.next();
  if (next.done === true) throw new Error('the output ends early');
  return next.value;
}

async function* readFrames(stream: Readable): AsyncGenerator<Buffer, void> {
  let parts: Buffer[] = [];
  let have = 0;
  let want = 4;
  let inBody = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    parts.push(chunk);
    have += chunk.length;
    while (have >= want) {
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, have);
      const frame = all.subarray(0, want);
      parts = [all.subarray(want)];
      have -= want;
      if (inBody) yield frame;
      want = inBody ? 4 : frame.readUInt32BE(0);
      inBody = !inBody;
      if (want > MAX_PYC) throw new Error(`a result of ${want} bytes`);
    }
  }
  if (have > 0 || inBody) throw new Error('the output ends within a result');
}

async function tailOf(stream: Readable): Promise<string> {
  let tail = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>)
    tail = (tail + chunk).slice(-ERROR_TAIL);
  return tail;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
