import { isMap } from 'yaml';
import { CogplanError } from '../errors.ts';
import { oneFix } from './edit-spec.ts';
import {
  invalidValue,
  isNull,
  keyOf,
  note,
  type Reading,
  readList,
  readMapping,
  readString,
  removedItem,
  wrongType,
} from './fields.ts';
import type { RunCommand } from './spec.ts';
import type { YamlField, YamlValue } from './yaml-source.ts';

/** `build.run`, then `build.pre_install`, as Cog orders them, then `post_install` of the layout of 2021. */
export function readRunCommands(reading: Reading, fields: ReadonlyMap<string, YamlField>): readonly RunCommand[] {
  const preInstall = fields.get('pre_install');
  if (preInstall !== undefined) {
    note(
      reading,
      preInstall,
      'COGPLAN_KEY_DEPRECATED',
      '"build.pre_install" is the older name of "build.run".',
      'info',
    );
  }
  const postInstall = fields.get('post_install');
  return [fields.get('run'), preInstall, postInstall]
    .flatMap((field) => readList(reading, field))
    .flatMap((item) => readCommand(reading, item) ?? []);
}

function readCommand(reading: Reading, item: YamlValue): RunCommand | undefined {
  const fields = reading.source.fields(item);
  if (fields === undefined) {
    const command = isNull(item) ? undefined : readString(reading, item);
    if (isNull(item)) {
      const { where } = item;
      const text = `${keyOf(item)} is empty`;
      reading.problems.add(
        new CogplanError('COGPLAN_SPEC_VALUE', text, {
          where,
          hint: 'Remove the item.',
          ...removedItem(reading, item),
        }),
      );
    }
    return command === undefined
      ? undefined
      : singleLine(reading, { command: command.value, mounts: [], where: item.where });
  }
  if (!fields.some((field) => field.name === 'command') && fields.length === 1) {
    reading.problems.add(
      wrongType(
        item,
        'a command',
        'A command that holds ": " must be quoted as a whole, or YAML reads it as a mapping.',
        quoted(item, reading.source.textOf(item)),
      ),
    );
    return undefined;
  }
  const known = readMapping(reading, item, { what: keyOf(item), keys: new Set(['command', 'mounts']), elsewhere: {} });
  const command = readString(reading, known.get('command'));
  if (!known.has('command')) {
    reading.problems.add(
      new CogplanError('COGPLAN_SPEC_REQUIRED', `${keyOf(item)}.command is required`, {
        where: item.where,
        hint: 'Write "command:" and the command beside its mounts.',
      }),
    );
  }
  const mounts = readList(reading, known.get('mounts')).flatMap((mount) => readMount(reading, mount) ?? []);
  return command === undefined ? undefined : singleLine(reading, { command: command.value, mounts, where: item.where });
}

function readMount(reading: Reading, item: YamlValue): RunCommand['mounts'][number] | undefined {
  if (!isMap(item.node)) {
    reading.problems.add(wrongType(item, 'a mapping', 'Write type, id and target.'));
    return undefined;
  }
  const fields = readMapping(reading, item, {
    what: keyOf(item),
    keys: new Set(['type', 'id', 'target']),
    elsewhere: {},
  });
  const [type, id, target] = ['type', 'id', 'target'].map((key) => {
    if (!fields.has(key)) {
      reading.problems.add(
        new CogplanError('COGPLAN_SPEC_REQUIRED', `${keyOf(item)}.${key} is required`, {
          where: item.where,
          hint: 'A mount has type, id and target: {type: secret, id: token, target: /run/secrets/token}.',
        }),
      );
    }
    return readString(reading, fields.get(key));
  });
  if (type !== undefined && type.value !== 'secret') {
    invalidValue(reading, type, {
      message: `mounts of type "${type.value}" are unknown`,
      hint: 'The one type is "secret".',
    });
    return undefined;
  }
  if (type === undefined || id === undefined || target === undefined) return undefined;
  return { type: 'secret', id: id.value, target: target.value };
}

function singleLine(reading: Reading, command: RunCommand): RunCommand | undefined {
  if (!command.command.includes('\n')) return command;
  invalidValue(
    reading,
    { value: command.command, where: command.where },
    {
      message: `${command.where.key ?? 'the command'} has more than one line`,
      hint: 'Fold the lines into one with ">-" in place of "|", or write one item per command.',
    },
  );
  return undefined;
}

function quoted({ where }: YamlValue, text: string): ReturnType<typeof oneFix> | undefined {
  return /[\n#]|^[{&*!]/.test(text) ? undefined : oneFix(where, text, `'${text.replaceAll("'", "''")}'`);
}
