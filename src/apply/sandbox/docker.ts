import { join } from 'node:path';
import { Duplex, PassThrough, Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Context } from '../../context.ts';
import { sha256 } from '../../digest.ts';
import { bug, CogplanError } from '../../errors.ts';
import { formatIdentity, livenessOf, parseIdentity, thisProcess } from '../../store/process-identity.ts';
import { connectDocker } from '../outputs/docker-engine.ts';
import { dockerRoot } from './docker-root.ts';
import { deviceRequest } from './gpus.ts';
import { ensureMountPoints } from './mount-points.ts';
import type { Sandbox, SandboxProcess, SandboxRequest } from './sandbox.ts';

/** Names the process that a container belongs to, so that a later one removes it when that process was killed. */
const OWNER_LABEL = 'dev.cogplan.owner';
/** The engine mounts files of its own over these. */
const ENGINE_FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];
const REPOSITORY = 'cogplan-sandbox';

/**
 * The sandbox by the Docker Engine of this machine: the root's directories are mounted into a container of an image that is empty but for
 * links. The engine must see the same file system, as a local one does. The command is always process 1: the engine's own reaper would need a
 * place in the root. Fails with COGPLAN_DOCKER_UNAVAILABLE.
 */
export async function openDockerSandbox(context: Context): Promise<Sandbox> {
  const { docker } = await connectDocker(context.env);
  await removeOrphans(docker);
  const info = (await docker.info()) as { readonly SecurityOptions?: readonly string[] };
  const rootless = info.SecurityOptions?.some((option) => option.includes('rootless')) === true;
  // In a rootless engine the container's root is the caller; in any other it would be the host's root.
  const user = rootless ? '0:0' : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return { kind: 'docker', start: (request) => start(docker, request, user) };
}

async function start(docker: Docker, request: SandboxRequest, user: string): Promise<SandboxProcess> {
  request.signal?.throwIfAborted();
  ensureMountPoints(request, ENGINE_FILES);
  const { skeleton, mounts } = await dockerRoot(request.root);
  let container: Docker.Container | undefined;
  try {
    const image = await importSkeleton(docker, skeleton);
    container = await docker.createContainer(containerOptions(request, { image, user, mounts }));
    return await attachAndStart(docker, container, request);
  } catch (error) {
    await container?.remove({ force: true }).catch(() => {});
    throw error instanceof CogplanError ? error : failure(request, error);
  }
}

async function importSkeleton(docker: Docker, skeleton: Buffer): Promise<string> {
  const tag = sha256(skeleton).slice(0, 24);
  const name = `${REPOSITORY}:${tag}`;
  const present = await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (!present) {
    const progress = await docker.importImage(Readable.from([skeleton]), { repo: REPOSITORY, tag });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  }
  return name;
}

interface ContainerFacts {
  readonly image: string;
  readonly user: string;
  /** Names at the root's top level. */
  readonly mounts: readonly string[];
}

function containerOptions(
  request: SandboxRequest,
  { image, user, mounts }: ContainerFacts,
): Docker.ContainerCreateOptions {
  // The engine has a /sys of its own.
  const ownSys = (path: string): boolean => path === '/sys' || path.startsWith('/sys/');
  const tmpfs = [...new Set(['/tmp', ...request.tmpfs])].filter((path) => !ownSys(path));
  const replaced = new Set([...tmpfs, ...request.binds.map(({ guest }) => guest)]);
  const fromRoot = mounts.filter((name) => !replaced.has(`/${name}`));
  const { openFiles, processes } = request.limits ?? {};
  return {
    Image: image,
    // An image without configuration has no command of its own, so the whole line is the command.
    Entrypoint: [request.argv[0]],
    Cmd: request.argv.slice(1),
    Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: request.cwd,
    ...(request.network === 'host' ? {} : { Hostname: request.hostname ?? 'cogplan' }),
    User: user,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Labels: { [OWNER_LABEL]: formatIdentity(thisProcess) },
    HostConfig: {
      NetworkMode: request.network,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', 'label=disable'],
      Tmpfs: Object.fromEntries(tmpfs.map((path) => [path, 'rw,exec,nosuid,nodev,mode=1777'])),
      Mounts: [
        ...fromRoot.map((name) => mount(join(request.root, name), `/${name}`, request.writableRoot === true)),
        ...request.binds
          .filter(({ guest }) => !ownSys(guest))
          .map(({ host, guest, writable }) => mount(host, guest, writable)),
      ],
      ...(openFiles === undefined ? {} : { Ulimits: [{ Name: 'nofile', Soft: openFiles, Hard: openFiles }] }),
      ...(processes === undefined ? {} : { PidsLimit: processes }),
      ...(request.gpus === undefined ? {} : { DeviceRequests: [deviceRequest(request.gpus)] }),
    },
  };
}

function mount(source: string, target: string, writable: boolean): Docker.MountSettings {
  return { Type: 'bind', Source: source, Target: target, ReadOnly: !writable };
}

async function attachAndStart(
  docker: Docker,
  container: Docker.Container,
  request: SandboxRequest,
): Promise<SandboxProcess> {
  const stream = await attach(container);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on('error', () => {});
  stream.on('close', () => {
    stdout.end();
    stderr.end();
  });
  await container.start();
  const { State } = await container.inspect();

  const kill = (signal: NodeJS.Signals): void => {
    // It may have ended in the meantime.
    container.kill({ signal }).catch(() => {});
  };
  const onAbort = () => kill('SIGKILL');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  if (request.signal?.aborted === true) onAbort();
  const exited = (container.wait() as Promise<{ readonly StatusCode: number }>).then(async ({ StatusCode }) => {
    request.signal?.removeEventListener('abort', onAbort);
    await container.remove({ force: true }).catch(() => {});
    return StatusCode;
  });
  exited.catch(() => {});
  return { pid: State.Pid, stdin: stream, stdout, stderr, exited, kill };
}

/** The container's three streams in one connection. */
async function attach(container: Docker.Container): Promise<Duplex> {
  const options = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };
  const stream = await container.attach(options);
  if (!(stream instanceof Duplex)) throw bug('the Docker client gives no two-way stream');
  return stream;
}

async function removeOrphans(docker: Docker): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
  for (const { Id, Labels } of containers) {
    const owner = parseIdentity(Labels[OWNER_LABEL] ?? '');
    if (owner !== undefined && livenessOf(owner) === 'dead') {
      await docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => {});
    }
  }
}

function failure(request: SandboxRequest, error: unknown): CogplanError {
  const problem = error instanceof Error ? error.message : String(error);
  return new CogplanError('COGPLAN_SANDBOX_FAILED', `${request.argv[0]} could not be started by Docker: ${problem}`, {
    subject: request.argv[0],
    hint: 'The engine must run on this machine: it mounts directories of the store.',
    cause: error,
    data: { root: request.root },
  });
}
