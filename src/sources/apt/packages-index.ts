import { closeSync, openSync, readSync } from 'node:fs';
import { bug, CogplanError } from '../../errors.ts';
import { parseSingleControl } from '../../formats/debian/control.ts';
import { type PackageRecord, readIndexRecord } from '../../formats/debian/package-record.ts';
import type { IndexSummary } from './index-summary.ts';

export interface PackagesIndexSource {
  /** The uncompressed Packages file, already verified. */
  readonly file: string;
  readonly summary: IndexSummary;
  /** Root of the archive, without a trailing slash. */
  readonly archiveUrl: string;
  readonly architecture: string;
  /** Its packages count only where no other archive has them, or a pin asks for them. Default: false. */
  readonly notAutomatic?: boolean;
}

/** A Packages index on disk: stanzas are read when asked for, each once. Close it after use. */
export class PackagesIndex {
  readonly #source: PackagesIndexSource;
  readonly #names: readonly string[];
  readonly #byName = new Map<string, number | number[]>();
  readonly #records = new Map<number, readonly PackageRecord[]>();
  readonly #fd: number;

  constructor(source: PackagesIndexSource) {
    this.#source = source;
    this.#names = source.summary.names === '' ? [] : source.summary.names.split('\n');
    for (const [stanza, name] of this.#names.entries()) {
      const before = this.#byName.get(name);
      if (before === undefined) this.#byName.set(name, stanza);
      else if (typeof before === 'number') this.#byName.set(name, [before, stanza]);
      else before.push(stanza);
    }
    this.#fd = openSync(source.file, 'r');
  }

  get notAutomatic(): boolean {
    return this.#source.notAutomatic ?? false;
  }

  close(): void {
    closeSync(this.#fd);
  }

  names(): readonly string[] {
    return this.#names;
  }

  /** In the order of the index. */
  named(name: string): readonly PackageRecord[] {
    const stanzas = this.#byName.get(name) ?? [];
    return this.#agreeing(
      (typeof stanzas === 'number' ? [stanzas] : stanzas).flatMap((stanza) => this.#record(stanza)),
    );
  }

  /** In the order of the index. */
  providing(name: string): readonly PackageRecord[] {
    const { provides } = this.#source.summary;
    const stanzas = Object.hasOwn(provides, name) ? (provides[name] ?? []) : [];
    return stanzas.flatMap((stanza) => this.#record(stanza)).filter((record) => record.name !== name);
  }

  essentialNames(): readonly string[] {
    return this.#source.summary.essential.map((stanza) => this.#names[stanza] ?? '');
  }

  /** One version of a package is one file: an index that says otherwise could give each reader another one. */
  #agreeing(records: readonly PackageRecord[]): readonly PackageRecord[] {
    const hashes = new Map<string, string>();
    for (const { name, version, file } of records) {
      const before = hashes.get(version);
      if (before !== undefined && before !== file.sha256) {
        const { archiveUrl } = this.#source;
        throw new CogplanError('COGPLAN_ARCHIVE_MISMATCH', `${archiveUrl} has two files for ${name} ${version}`, {
          subject: name,
          data: { hashes: [before, file.sha256] },
        });
      }
      hashes.set(version, file.sha256);
    }
    return records;
  }

  /** None for a package of another architecture, which flat archives list side by side. */
  #record(stanza: number): readonly PackageRecord[] {
    const before = this.#records.get(stanza);
    if (before !== undefined) return before;
    const { summary, file, archiveUrl, architecture } = this.#source;
    const start = summary.offsets[stanza];
    if (start === undefined) throw bug(`no stanza ${stanza} in ${file}`);
    const data = Buffer.allocUnsafe((summary.offsets[stanza + 1] ?? summary.size) - start);
    const length = readSync(this.#fd, data, 0, data.length, start);
    const text = data.toString('utf8', 0, length);
    const paragraph = parseSingleControl(text, `a stanza of ${archiveUrl}`);
    const own = paragraph.get('architecture');
    const records = own === architecture || own === 'all' ? [readIndexRecord(paragraph, archiveUrl, architecture)] : [];
    this.#records.set(stanza, records);
    return records;
  }
}
