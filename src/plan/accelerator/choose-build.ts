import type { Where } from '../../errors.ts';
import type { Root } from '../python/roots.ts';
import { isTorchIndex } from '../python/routes.ts';
import { type AcceleratorTable, compareNumbers, majorOf, minorOf, type TorchRow, torchRow } from './table.ts';

const NO_CUDA_ASKED = 'gpu: true without cuda: the wheels bring the CUDA they need';
const TORCH_INDEX = 'https://download.pytorch.org/whl';
const FAMILY: readonly string[] = ['torch', 'torchaudio', 'torchtext', 'torchvision'];

export interface BuildInput {
  readonly gpu: boolean;
  /** `build.cuda`. */
  readonly cuda: { readonly value: string; readonly where: Where } | undefined;
  readonly platform: string;
  readonly roots: readonly Root[];
  /** Indexes and pages of links that the requirements name. */
  readonly named: readonly string[];
  readonly table: AcceleratorTable;
}

export interface BuildChoice {
  /** The index that the torch family comes from; undefined: the default one, or one that the project names. */
  readonly index: string | undefined;
  /** The default index may stand in when this one cannot be reached: its build runs as well. */
  readonly replaceable: boolean;
  /** Only once torch turns out to be needed. */
  readonly why: string;
  /** There is no build for the CUDA that is asked for, and `why` says so. */
  readonly isNearest: boolean;
  /** What contradicts what, in sentences. */
  readonly contradictions: readonly { readonly text: string; readonly where: Where | undefined }[];
}

/**
 * Which build of the torch family a project means. In this order: a local version (`+cu118`), an index that the requirements
 * name, `build.cuda`, and for models without a GPU the build without CUDA. Where PyPI's build is the one, PyPI it is.
 */
export function chooseBuild(input: BuildInput): BuildChoice {
  const { roots, cuda, named } = input;
  const torch = roots.filter((root) => FAMILY.includes(root.name) && root.requirement.url === undefined);
  const flavours = torch.flatMap((root) => {
    const flavour = flavourOf(root);
    return flavour === undefined ? [] : [{ root, flavour }];
  });
  const contradictions = contradictionsOf(input, flavours);
  const [first] = flavours;
  const linked = named.find(isTorchIndex) ?? named.find((url) => /pytorch\.org\//.test(url));
  const chosen = (choice: Partial<BuildChoice> & { readonly why: string }): BuildChoice => ({
    index: undefined,
    replaceable: false,
    isNearest: false,
    ...choice,
    contradictions: [...contradictions, ...(choice.contradictions ?? [])],
  });
  if (first !== undefined) {
    const isServed = linked !== undefined && (flavourOfUrl(linked) ?? first.flavour) === first.flavour;
    const why = `${first.root.asked} names the build ${first.flavour}`;
    return chosen({ index: isServed ? undefined : indexOf(first.flavour), why });
  }
  if (linked !== undefined) return chosen({ why: 'the requirements name an index of PyTorch builds' });
  if (!input.gpu) return chosen(cpuBuild(input, torch));
  if (cuda === undefined) return chosen(newerBuild(input, torch) ?? { why: NO_CUDA_ASKED });
  return chosen(cudaBuild({ ...input, cuda }, torch));
}

/** `cu118` for CUDA 11.8. */
export function flavourOfCuda(cuda: string): string {
  return `cu${minorOf(cuda).replace('.', '')}`;
}

/** 11.8 for `cu118`; undefined for what is no CUDA build. */
export function cudaOfFlavour(flavour: string): string | undefined {
  const digits = /^cu(\d+)(\d)$/.exec(flavour);
  return digits === null ? undefined : `${digits[1]}.${digits[2]}`;
}

function cpuBuild(
  { platform, table }: BuildInput,
  torch: readonly Root[],
): Pick<BuildChoice, 'index' | 'replaceable' | 'why'> {
  const version = pinnedTorch(torch);
  const row = version === undefined ? undefined : torchRow(table, version);
  // PyPI's builds for arm64 held no CUDA before torch 2.11.
  const isPlain = platform === 'linux/arm64' && row !== undefined && row.arm64 === null;
  return { index: isPlain ? undefined : indexOf('cpu'), replaceable: true, why: 'gpu: false: builds without CUDA' };
}

/** torch before 1.13, whose builds on PyPI have no kernels for GPUs since 2020: the newest other one, as Cog takes. */
function newerBuild(
  { platform, table }: BuildInput,
  torch: readonly Root[],
): Pick<BuildChoice, 'index' | 'replaceable' | 'why'> | undefined {
  const version = pinnedTorch(torch);
  const row = version === undefined ? undefined : torchRow(table, version);
  const newest = [...(row?.cuda ?? [])].sort(compareNumbers).at(-1);
  if (row?.pypi == null || newest === undefined || platform !== 'linux/amd64') return undefined;
  if (Number(majorOf(row.pypi)) >= 11 || Number(majorOf(newest)) < 11) return undefined;
  const why = `${NO_CUDA_ASKED}; PyPI's build of torch ${row.version} is for CUDA ${row.pypi}, without kernels for GPUs since 2020: the build for CUDA ${newest}`;
  return { index: indexOf(flavourOfCuda(newest)), replaceable: true, why };
}

type CudaChoice = Pick<BuildChoice, 'index' | 'replaceable' | 'why' | 'isNearest' | 'contradictions'>;

function cudaBuild(
  { cuda, table, platform }: BuildInput & { readonly cuda: NonNullable<BuildInput['cuda']> },
  torch: readonly Root[],
): CudaChoice {
  const wanted = minorOf(cuda.value);
  const version = pinnedTorch(torch);
  const row = version === undefined ? undefined : torchRow(table, version);
  const asked = `cuda: ${cuda.value}`;
  const pypi = (platform === 'linux/arm64' ? row?.arm64 : row?.pypi) ?? null;
  // A row without builds beside PyPI's is one of which only PyPI's is known.
  if (row === undefined || row.cuda.length === 0) {
    if (row !== undefined && pypi === wanted)
      return {
        index: undefined,
        replaceable: false,
        isNearest: false,
        why: `${asked}: the build for CUDA ${wanted}, which is PyPI's`,
        contradictions: [],
      };
    const known = [
      ...new Set(table.torch.flatMap((item) => [...item.cuda, ...(item.pypi === null ? [] : [item.pypi])])),
    ];
    const best = known.includes(wanted) ? wanted : (newestUpTo(known, wanted) ?? wanted);
    return {
      index: indexOf(flavourOfCuda(best)),
      replaceable: false,
      isNearest: best !== wanted,
      why: told(asked, best, wanted, 'builds of torch'),
      contradictions: [],
    };
  }
  const choices = [...row.cuda, ...(pypi === null ? [] : [pypi])];
  const best = newestUpTo(choices, wanted) ?? choices.sort(compareNumbers)[0] ?? wanted;
  const why = told(asked, best, wanted, `builds of torch ${row.version}`);
  const isNearest = best !== wanted;
  const contradictions =
    majorOf(best) === majorOf(wanted)
      ? []
      : [{ text: neverBuilt(table, row, { asked, wanted, best }), where: cuda.where }];
  if (pypi === best)
    return { index: undefined, replaceable: false, why: `${why}, which is PyPI's`, isNearest, contradictions };
  const samePypi = pypi !== null && majorOf(pypi) === majorOf(best);
  return { index: indexOf(flavourOfCuda(best)), replaceable: samePypi, why, isNearest, contradictions };
}

/** Another major version needs another driver: that is worth a word. */
function neverBuilt(
  table: AcceleratorTable,
  row: TorchRow,
  { asked, wanted, best }: { readonly asked: string; readonly wanted: string; readonly best: string },
): string {
  const has = (item: TorchRow): boolean =>
    [...item.cuda, item.pypi].some((cuda) => majorOf(cuda ?? '') === majorOf(wanted));
  const last = table.torch.findLast((item) => has(item) && compareNumbers(item.version, row.version) < 0);
  const first = table.torch.find((item) => has(item) && compareNumbers(item.version, row.version) > 0);
  const other =
    last === undefined
      ? first === undefined
        ? ''
        : `; torch ${first.version} was the first`
      : `; torch ${last.version} was the last`;
  return `${asked} is asked for, but torch ${row.version} was never built for CUDA ${majorOf(wanted)}${other}: the build for CUDA ${best} is taken`;
}

function pinnedTorch(torch: readonly Root[]): string | undefined {
  const root = torch.find(({ name }) => name === 'torch');
  return root === undefined ? undefined : exactVersion(root);
}

function told(asked: string, best: string, wanted: string, builds: string): string {
  if (best === wanted) return `${asked}: the build for CUDA ${best}`;
  return `${asked}: of the ${builds}, the one for CUDA ${best} comes nearest`;
}

function contradictionsOf(
  { cuda, gpu, named }: BuildInput,
  flavours: readonly { readonly root: Root; readonly flavour: string }[],
): BuildChoice['contradictions'] {
  const found: { text: string; where: Where | undefined }[] = [];
  const [first] = flavours;
  const other = flavours.find((item) => item.flavour !== first?.flavour);
  if (first !== undefined && other !== undefined) {
    found.push({
      text: `${first.root.asked} and ${other.root.asked} name builds for different CUDA`,
      where: other.root.where,
    });
  }
  const linked = named.map(flavourOfUrl).find((flavour) => flavour !== undefined);
  const flavour = first?.flavour ?? linked;
  const source = first?.root.asked ?? named.find((url) => flavourOfUrl(url) !== undefined);
  const brings = flavour === undefined ? undefined : cudaOfFlavour(flavour);
  if (gpu && cuda !== undefined && flavour !== undefined && brings !== minorOf(cuda.value)) {
    const text = `cuda: ${cuda.value} is asked for, but ${source} brings ${brings === undefined ? 'a build without CUDA' : `CUDA ${brings}`}, which is taken`;
    found.push({ text, where: cuda.where });
  }
  if (!gpu && brings !== undefined) {
    found.push({ text: `gpu: false, but ${source} brings CUDA ${brings}, which is taken`, where: first?.root.where });
  }
  return found;
}

function flavourOf(root: Root): string | undefined {
  const local = exactVersion(root)?.split('+')[1];
  return local !== undefined && /^(?:cpu|cu\d{3,}|rocm.*|xpu)$/.test(local) ? local : undefined;
}

function flavourOfUrl(url: string): string | undefined {
  return /\/whl\/(?:nightly\/|test\/)?(cpu|cu\d{3,})(?:\/|$)/.exec(url)?.[1];
}

/** The version of `==`, as written; undefined for a range and for `==2.*`. */
export function exactVersion({ requirement }: Root): string | undefined {
  const exact = requirement.specifiers.find(
    ({ operator, wildcard }) => (operator === '==' && !wildcard) || operator === '===',
  );
  return exact?.text;
}

function newestUpTo(versions: readonly string[], limit: string): string | undefined {
  return [...new Set(versions)]
    .filter((item) => compareNumbers(item, limit) <= 0)
    .sort(compareNumbers)
    .at(-1);
}

function indexOf(flavour: string): string {
  return `${TORCH_INDEX}/${flavour}`;
}
