#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../version.ts';
import { watchOutputs } from './watch-outputs.ts';

/*
 * The command table. Only commander is loaded here: a verb's module, and the engine behind it, is loaded when it runs, so
 * that `--help` and mistakes answer at once.
 */

/** A verb takes its arguments and the options declared for it below, and gives the exit code. */
type Verb = (argument: readonly string[], options: never) => Promise<number>;

function build(): Command {
  const program = new Command('cogplan')
    .description('Lock, apply and audit the container image of a Cog model: reproducibly, and without Docker.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('(cogplan --help shows what there is)')
    .configureHelp({ showGlobalOptions: false })
    .enablePositionalOptions()
    .exitOverride();
  program.addHelpText(
    'after',
    `
Examples:
  $ cogplan lock                                   resolve cog.yaml in this directory into cogplan.lock
  $ cogplan plan --upgrade                         show what newer versions would change
  $ cogplan apply -o docker:my-model:1             build the image and load it into Docker
  $ cogplan predict -i image=@photo.jpg            run one prediction in the sandbox

Exit codes: 0 done, 1 failure, 2 differences found, 3 declined, 130 interrupted.`,
  );

  resolving(common(program.command('lock [directory]')))
    .description('write or update cogplan.lock from cog.yaml')
    .option('--explain-spec', 'only tell how the project was understood, with the line of each value')
    .option('--explain-run', 'only tell what each command of build.run comes to, and why')
    .option('--check', 'only tell whether the lock is in step with the project; no network; exit 2 if not')
    .option('--fix [number]', 'change cog.yaml as an error advises; without a number: the first advice, until it locks')
    .option('--adopt-weights', 'add what the model fetches when it runs to cogplan.yaml, so that it is locked')
    .option('--separate-weights', 'from now on, give large files of the project that are weights layers of their own')
    .option('--merge', 'when a merge left conflict markers in cogplan.lock: resolve again from both sides')
    .option('-y, --yes', 'write without asking')
    .addOption(secretOption())
    .addHelpText(
      'after',
      example('cogplan lock --check', 'in CI: fail when somebody edited cog.yaml and forgot the lock'),
    )
    .action(verb(async () => (await import('./lock.ts')).lockVerb));

  const add = program.command('add').description('write a file, weights or a package into the project, and lock');
  common(add.command('file <url> [path]'))
    .description('a file by its URL, such as a helper program; it goes to cogplan.yaml')
    .option('--mode <mode>', 'permission bits, such as 0755 (default: 0755 below a bin folder, else 0644)')
    .option('--unpack', 'unpack the archive into the path')
    .option('--project <directory>', 'the project (default: this folder)')
    .option('-y, --yes', 'write the lock without asking')
    .addHelpText('after', example('cogplan add file https://host/tool /usr/local/bin/tool', 'locked by its hash'))
    .action(verb(async () => (await import('./add.ts')).addFileVerb));
  common(add.command('weights <uri> [target]'))
    .description('weights by hf://owner/model@ref, https://…, s3://…, gs://… or a path; they go to cogplan.yaml')
    .option('--name <name>', 'what the set is called (default: by its target)')
    .option('--include <pattern...>', 'only files that match, as in .gitignore')
    .option('--exclude <pattern...>', 'no files that match')
    .option('--startup', 'fetched when the server starts, instead of part of the image')
    .option('--project <directory>', 'the project (default: this folder)')
    .option('-y, --yes', 'write the lock without asking')
    .addHelpText('after', example('cogplan add weights hf://owner/model /src/model', 'locked by commit and hashes'))
    .action(verb(async () => (await import('./add.ts')).addWeightsVerb));
  common(add.command('package <names...>'))
    .description('Python requirements, or with --system Debian packages')
    .option('--system', 'Debian packages')
    .option('--project <directory>', 'the project (default: this folder)')
    .option('-y, --yes', 'write the lock without asking')
    .addHelpText('after', example('cogplan add package --system ffmpeg', 'and: cogplan add package "numpy>=2"'))
    .action(verb(async () => (await import('./add.ts')).addPackageVerb));

  resolving(program.command('review [directory]'))
    .description('go through what a new lock would change, and accept or hold each part, before anything is written')
    .option('--accessible', 'numbered questions and plain lines instead of the full screen')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      example('cogplan review --upgrade', 'see what an upgrade would do, and keep what should stay'),
    )
    .action(verb(async () => (await import('./review.ts')).reviewVerb));

  resolving(rendered(common(program.command('plan [directory]'))))
    .description('show what a new lock would change, and write nothing')
    .option('-o, --out <file>', 'write the plan, for `cogplan apply FILE`')
    .addHelpText(
      'after',
      example('cogplan plan --upgrade --out plan.json', 'see it first; then: cogplan apply plan.json'),
    )
    .action(verb(async () => (await import('./plan.ts')).planVerb));

  rendered(common(program.command('diff <from> <to>')))
    .description(
      'show what one lock changes of another: files, projects, plans, REVISION:PATH of git, registry:REF, oci:DIR',
    )
    .addHelpText('after', example('cogplan diff HEAD~1:cogplan.lock .', 'what the last commit changed'))
    .action(verb(async () => (await import('./diff.ts')).diffVerb));

  common(program.command('why <name> [directory]'))
    .description('show each way from what was asked to a locked package')
    .addHelpText('after', example('cogplan why numpy', 'who needs it, and in which words'))
    .action(verb(async () => (await import('./why.ts')).whyVerb));

  common(program.command('tree [directory]'))
    .description('show everything that is locked below what asked for it')
    .addOption(
      new Option('--family <name>', 'only this family').choices(['python', 'system', 'files', 'steps', 'runtime']),
    )
    .addHelpText('after', example('cogplan tree --family python', 'the wheels and what needs them'))
    .action(verb(async () => (await import('./tree.ts')).treeVerb));

  common(program.command('hold <name> [directory]'))
    .description('keep the locked version of a package, the interpreter or the base, whatever later locks would take')
    .requiredOption('--because <reason>', 'why; shown in each plan')
    .option('--until <day>', 'when the hold ends by itself, such as 2027-01-31')
    .addHelpText(
      'after',
      example('cogplan hold numpy --because "2.x breaks the model"', 'or: system/ffmpeg, base/base'),
    )
    .action(verb(async () => (await import('./hold.ts')).holdVerb));

  common(program.command('unhold <name> [directory]'))
    .description('let later locks move it again')
    .addHelpText('after', example('cogplan unhold numpy', 'later locks may move it again'))
    .action(verb(async () => (await import('./hold.ts')).unholdVerb));

  common(program.command('holds [directory]'))
    .description('list what is held, and why')
    .addHelpText('after', example('cogplan holds', 'what is held, why, since and until when'))
    .action(verb(async () => (await import('./hold.ts')).holdsVerb));

  building(common(program.command('apply [directory-or-plan] [directory]')))
    .description('build the image that cogplan.lock names; given a plan, first write its lock into the project')
    .option(
      '-o, --output <target>',
      'oci:PATH, docker:NAME[:TAG], registry:NAME[:TAG] or tar:PATH (default: oci:.cogplan/image); may be repeated',
      collect,
    )
    .option('--separate-weights', 'as in `cogplan lock --separate-weights`, which is run first where it has not been')
    .addHelpText(
      'after',
      example('cogplan apply -o oci:out -o docker:my-model', 'an OCI layout, and the same image in Docker'),
    )
    .action(verb(async () => (await import('./apply.ts')).applyVerb));

  building(common(program.command('push [image]')))
    .description('build the image, and push it; without a name under the one that cog.yaml gives')
    .option('-C, --directory <path>', 'the project; default: the current directory')
    .addHelpText(
      'after',
      example(
        'cogplan push --platform all --no-bytecode registry.example.com/me/model:1',
        'every platform of the lock under one tag; without --platform, the image for this machine',
      ),
    )
    .action(verb(async () => (await import('./push.ts')).pushVerb));

  common(program.command('export [directory]'))
    .description("tell the lock in another program's words")
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices(['pylock', 'requirements', 'cyclonedx', 'spdx'])
        .makeOptionMandatory(),
    )
    .addOption(platformOption())
    .option('-o, --output <file>', 'where to write it (default: standard output)')
    .addHelpText(
      'after',
      example('cogplan export --format requirements -o locked.txt', 'then: pip install --require-hashes -r locked.txt'),
    )
    .action(verb(async () => (await import('./export.ts')).exportVerb));

  running(common(program.command('predict [directory]')))
    .description('run one prediction on the image, applying it first when that is needed')
    .option('-i, --input <name=value>', 'an input; name=@path sends a file; may be repeated', collect)
    .option('-o, --output <path>', 'where a file output goes')
    .option('--setup-timeout <seconds>', 'how long setup() may take', '300')
    .addOption(networkOption())
    .option('--record', 'tell what the model fetches, and offer it for cogplan.yaml, so that the next lock holds it')
    .option('-y, --yes', 'with --record: add it without asking')
    .addHelpText(
      'after',
      `${example('cogplan predict examples/hello-world -i text=Ada', 'prints what the model answers')}
  $ cogplan predict --record -i prompt=hello
    then: cogplan lock, and the model runs without a network`,
    )
    .action(verb(async () => (await import('./predict.ts')).predictVerb));

  running(common(program.command('train [directory]')))
    .description("run the model's training on the image, and write its output, the weights, to a file")
    .option('-i, --input <name=value>', 'an input; name=@path sends a file; may be repeated', collect)
    .option('-o, --output <path>', 'where the weights go (default: weights)')
    .option('--setup-timeout <seconds>', 'how long the start may take', '300')
    .addOption(networkOption())
    .addHelpText(
      'after',
      example('cogplan train -i data=@train.csv -i epochs=3', 'then: cogplan predict finds ./weights'),
    )
    .action(verb(async () => (await import('./predict.ts')).trainVerb));

  running(program.command('exec <command> [arguments...]'))
    .description('run a command in the image, with the project in place and the network of this machine')
    .option('--project <directory>', 'the project (default: the current directory)')
    .option('-q, --quiet', 'no progress')
    .passThroughOptions()
    .addHelpText(
      'after',
      example('cogplan exec python -c "import torch; print(torch.__version__)"', "its exit code is the command's"),
    )
    .action(verb(async () => (await import('./exec.ts')).execVerb));

  running(common(program.command('serve [directory]')))
    .description("serve the image's HTTP API on this machine, applying it first when that is needed")
    .option('-p, --port <port>', 'port to listen on', '8393')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--setup-timeout <seconds>', 'how long setup() may take', '300')
    .addHelpText(
      'after',
      example('cogplan serve -p 8393', 'then: curl -X POST localhost:8393/predictions -d \'{"input": {}}\''),
    )
    .action(verb(async () => (await import('./serve.ts')).serveVerb));

  common(program.command('audit [directory]'))
    .description('build again, cold, from the locked blobs alone, and compare with every seal')
    .addOption(platformOption())
    .addOption(sandboxOption())
    .option('--image <ref>', 'instead of building: compare layers and configuration of an image in a registry')
    .option('--trust', 'instead of building: retrace from signature to index to .deb, from the store alone')
    .addHelpText('after', example('cogplan audit', 'exit 2, with layer, path and field, when a byte differs'))
    .action(verb(async () => (await import('./audit.ts')).auditVerb));

  common(program.command('check [directory]'))
    .description('tell from the lock alone whether its wheels run on a GPU and driver; exit 2 if not')
    .option(
      '--gpu <architecture>',
      'compute capability, such as sm_89 or 8.9 (nvidia-smi --query-gpu=compute_cap), or a name: L4, H100, "RTX 5090"',
    )
    .option('--driver <version>', 'version of the NVIDIA driver, such as 550.54')
    .addHelpText('after', example('cogplan check --gpu sm_89 --driver 550.54', 'before it is deployed to an L4'))
    .action(verb(async () => (await import('./check.ts')).checkVerb));

  const weights = program.command('weights').description('look after the weights of a project').helpCommand(false);
  weights.addHelpText(
    'after',
    example('cogplan weights pull', 'bring the locked weights into the store, before the network goes'),
  );
  common(weights.command('status [directory]'))
    .description('tell how each set of weights stands; no network; exit 2 unless all are ready')
    .addOption(platformOption())
    .addHelpText('after', example('cogplan weights status', 'ready, incomplete, stale, pending or orphaned'))
    .action(verb(async () => (await import('./weights.ts')).statusVerb));
  common(weights.command('pull [names...]'))
    .description('bring locked weights into the store')
    .option('-C, --directory <path>', 'the project; default: the current directory')
    .addOption(platformOption())
    .option('--offline', 'use only what the store holds')
    .addHelpText('after', example('cogplan weights pull llama', 'only the set of that name'))
    .action(verb(async () => (await import('./weights.ts')).pullVerb));
  common(weights.command('export'))
    .description("write Cog's weights.lock from the lock and the sealed layers")
    .option('-o, --output <path>', 'where it goes (default: weights.lock in the project)')
    .option('-C, --directory <path>', 'the project; default: the current directory')
    .addOption(platformOption())
    .addHelpText('after', example('cogplan weights export', 'after cogplan apply, for tools that read weights.lock'))
    .action(verb(async () => (await import('./weights.ts')).exportVerb));
  common(weights.command('verify [names...]'))
    .description('read locked weights in the store again; exit 2 when one is missing or wrong')
    .option('-C, --directory <path>', 'the project; default: the current directory')
    .addOption(platformOption())
    .addHelpText('after', example('cogplan weights verify', 'every set'))
    .action(verb(async () => (await import('./weights.ts')).verifyVerb));

  const store = program.command('store').description('look after the store of blobs').helpCommand(false);
  store.addHelpText(
    'after',
    example('cogplan store gc --older-than 30', 'drop what no lease needs and nobody used for 30 days'),
  );
  common(store.command('path'))
    .description('print where the store is')
    .addHelpText('after', example('du -sh $(cogplan store path)', 'how much it holds'))
    .action(verb(async () => (await import('./store.ts')).pathVerb));
  common(store.command('list'))
    .description('list the blobs with their sizes')
    .addHelpText('after', example('cogplan store list', 'sha256 and bytes, a line each'))
    .action(verb(async () => (await import('./store.ts')).listVerb));
  common(store.command('verify'))
    .description('read every blob and set aside those that do not hash to their name; exit 2 if there are any')
    .addHelpText('after', example('cogplan store verify', 'after a crash, or when a disk is suspected'))
    .action(verb(async () => (await import('./store.ts')).verifyVerb));
  common(store.command('export'))
    .argument('<lock>', 'a lock, or the project that has one')
    .argument('<file>', 'tar file to write')
    .option('--all', 'every file of the lock, not only those that are published nowhere')
    .description('write what a lock sealed, such as wheels that were built for it, into a file for another machine')
    .addHelpText(
      'after',
      example('cogplan store export . sealed.tar', 'carry built wheels to where they cannot be built'),
    )
    .action(verb(async () => (await import('./store-transfer.ts')).exportVerb));
  common(store.command('import'))
    .argument('<file>', 'tar file that store export wrote')
    .description('take the blobs of such a file, each checked against its name')
    .addHelpText('after', example('cogplan store import sealed.tar', 'afterwards cogplan apply finds them'))
    .action(verb(async () => (await import('./store-transfer.ts')).importVerb));
  common(store.command('gc'))
    .description('remove blobs and results that nothing uses')
    .option('--older-than <days>', 'only what was not used for this many days', '30')
    .option('--dry-run', 'only tell what would go')
    .addHelpText('after', example('cogplan store gc --older-than 7 --dry-run', 'what a week of disuse would free'))
    .action(verb(async () => (await import('./store.ts')).gcVerb));
  return program;
}

function common(command: Command): Command {
  return command.option('--json', 'print one JSON document on standard output').option('-q, --quiet', 'no progress');
}

/** What of a lock is taken anew, and as of when. */
function resolving(command: Command): Command {
  return command
    .option('--upgrade', 'take the newest version of everything that the project allows')
    .option('--upgrade-package <name>', 'take the newest version of this package; may be repeated', collect)
    .addOption(
      new Option(
        '--minimal',
        'move as few locked Python packages as an edit forces, each to the nearest version that will do',
      ).conflicts('upgrade'),
    )
    .option('--refresh', 'replace only what can no longer be fetched')
    .option('--as-of <date>', 'consider nothing that was published later: 2023-05-04, an instant, or now')
    .addOption(fileOption())
    .addOption(platformOption())
    .option('--offline', 'use only what the caches hold');
}

/** How an image is built. */
function building(command: Command): Command {
  return command
    .option(
      '--platform <list>',
      "linux/amd64, linux/arm64, both with a comma, or all of the lock (default: this machine's)",
    )
    .option('--join', "keep the images of other platforms under a registry's tag, and add this one")
    .option('--no-bytecode', 'leave compiled Python bytecode out')
    .addOption(sandboxOption())
    .addOption(secretOption())
    .option('--offline', 'fail rather than fetch a missing artifact');
}

/** What a container gets of this machine. */
function running(command: Command): Command {
  return command
    .addOption(envOption())
    .addOption(gpusOption())
    .addOption(sandboxOption())
    .option('--offline', 'fail rather than fetch a missing artifact');
}

function rendered(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', 'how to show it').choices(['text', 'json', 'markdown', 'html']))
    .option('--full', 'show every change, however many there are')
    .option('--detailed-exitcode', 'exit 2 when there are changes');
}

function platformOption(): Option {
  return new Option('--platform <os/arch>', 'target platform').choices(['linux/amd64', 'linux/arm64']);
}

function fileOption(): Option {
  return new Option('-f, --file <name>', 'the configuration, instead of cog.yaml; the lock remembers it');
}

function sandboxOption(): Option {
  return new Option('--sandbox <kind>', 'what runs commands of the image').choices(['bubblewrap', 'docker']);
}

function secretOption(): Option {
  return new Option(
    '--secret <secret>',
    'id=ID,src=FILE or id=ID,env=NAME, for commands of build.run; may be repeated',
  ).argParser(collect);
}

function envOption(): Option {
  return new Option(
    '-e, --env <name=value>',
    "a variable; a name alone takes this machine's value; may be repeated",
  ).argParser(collect);
}

function gpusOption(): Option {
  return new Option('--gpus <gpus>', 'all, a number or device=…; needs --sandbox docker');
}

function networkOption(): Option {
  return new Option('--network <mode>', "the model's network").choices(['host', 'none']).default('host');
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function example(command: string, tells: string): string {
  return `\nExample:\n  $ ${command}\n    ${tells}`;
}

/** Loads a verb when it is called; its number becomes the exit code. */
function verb(load: () => Promise<Verb>): (...actionArguments: unknown[]) => Promise<void> {
  return async (...actionArguments) => {
    const command = actionArguments.at(-1) as Command;
    const run = await load();
    process.exitCode = await run(command.args, command.opts() as never);
  };
}

async function main(): Promise<void> {
  watchOutputs(process, (error) => {
    process.stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    process.once('exit', () => {
      if (process.exitCode === 0) process.exitCode = 1;
    });
  });
  const program = build();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 1;
      return;
    }
    const { reportError } = await import('./report-error.ts');
    process.exitCode = reportError(error, process.argv.includes('--json'));
  }
}

void main();
