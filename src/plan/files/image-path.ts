import type { PlacedFile, Target } from '../../lock/schema.generated.ts';

/** Cog's images have pyenv's Python, or that of the images of python.org's own making. */
const PYENV = String.raw`/root/\.pyenv/versions/[^/\s"'\`$;|&<>]+`;
const SITE_PACKAGES = new RegExp(String.raw`(?:${PYENV}|/usr/local)/lib/python(3\.\d+)/site-packages(?![\w.-])`, 'g');
const PYTHON = new RegExp(String.raw`(?:${PYENV}/bin|/root/\.pyenv/shims)/python(?:3(?:\.\d+)?)?(?![\w.-])`, 'g');

type Interpreter = Pick<Target['interpreter'], 'provider' | 'modules' | 'path' | 'version'>;

/**
 * Where a path of Cog's own images lies in this one: their interpreters keep packages in `site-packages` of pyenv or of /usr/local, Debian's keeps what is installed beside its own
 * packages in `dist-packages`, others where they say. Packages of another minor version lie where they are said to.
 */
export function imagePath(path: string, interpreter: Interpreter): string {
  return path.replace(SITE_PACKAGES, (whole, minor: string, at: number) =>
    at === 0 ? packagesOf(interpreter, minor, whole) : whole,
  );
}

/** A file where this image has it. A link in the place of Cog's whole folder of packages stays: somebody wants that very path. */
export function fileInImage(file: PlacedFile, interpreter: Interpreter): PlacedFile {
  if (file.kind !== 'symlink') return { ...file, path: imagePath(file.path, interpreter) };
  const isFolder = imagePath(`${file.path}/`, interpreter) !== `${file.path}/` && /\/site-packages$/.test(file.path);
  return {
    ...file,
    path: isFolder ? file.path : imagePath(file.path, interpreter),
    ...(file.target === undefined ? {} : { target: imagePath(file.target, interpreter) }),
  };
}

/** A command with such paths, and the interpreter's, as they are in this image. */
export function imageCommand(command: string, interpreter: Interpreter): string {
  return command
    .replace(SITE_PACKAGES, (whole, minor: string, at: number) =>
      /[\w.-]/.test(command[at - 1] ?? '') ? whole : packagesOf(interpreter, minor, whole),
    )
    .replace(PYTHON, (whole, at: number) => (/[\w.-]/.test(command[at - 1] ?? '') ? whole : interpreter.path));
}

function packagesOf({ provider, modules, version }: Interpreter, minor: string, otherwise: string): string {
  if (provider === 'debian') return `/usr/local/lib/python${minor}/dist-packages`;
  return modules !== undefined && version.startsWith(`${minor}.`) ? `/${modules}` : otherwise;
}
