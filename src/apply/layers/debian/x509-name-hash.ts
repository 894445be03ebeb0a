import { createHash } from 'node:crypto';

interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/**
 * OpenSSL's `subject_hash` of a certificate in DER: eight hexadecimal digits, the first four bytes (little-endian) of the SHA-1
 * of the canonical subject; `undefined` for what is no certificate. X509_NAME_hash_ex(3), crypto/x509/x_name.c.
 */
export function hashSubject(certificate: Buffer): string | undefined {
  const subject = findSubject(certificate);
  if (subject === undefined) return undefined;
  const sets = children(subject.content)?.map(canonicalSet);
  if (sets === undefined) return undefined;
  const digest = createHash('sha1').update(Buffer.concat(sets)).digest();
  return digest.readUInt32LE(0).toString(16).padStart(8, '0');
}

/** `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject, … } … }` (RFC 5280, 4.1). */
function findSubject(certificate: Buffer): DerValue | undefined {
  const [outer] = children(certificate) ?? [];
  const [tbs] = outer === undefined ? [] : (children(outer.content) ?? []);
  const fields = tbs === undefined ? [] : (children(tbs.content) ?? []);
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  return subject?.tag === 0x30 ? subject : undefined;
}

/** The values of a constructed DER value, or `undefined` when it is malformed. */
function children(data: Buffer): readonly DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let position = 0; position < data.length; ) {
    const tag = data[position] ?? 0;
    const first = data[position + 1];
    if (first === undefined) return undefined;
    let start = position + 2;
    let length = first;
    if (first >= 0x80) {
      const bytes = first & 0x7f;
      if (bytes === 0 || bytes > 4 || start + bytes > data.length) return undefined;
      length = data.readUIntBE(start, bytes);
      start += bytes;
    }
    const end = start + length;
    if (end > data.length) return undefined;
    values.push({ tag, content: data.subarray(start, end), whole: data.subarray(position, end) });
    position = end;
  }
  return values;
}

/** A RelativeDistinguishedName with its strings in canonical form; a set of several is sorted as DER wants it. */
function canonicalSet(set: DerValue): Buffer {
  const attributes = (children(set.content) ?? []).map((attribute) => {
    const [type, value] = children(attribute.content) ?? [];
    if (type === undefined || value === undefined) return attribute.whole;
    return encode(0x30, Buffer.concat([type.whole, canonicalValue(value)]));
  });
  return encode(0x31, Buffer.concat(attributes.sort(Buffer.compare)));
}

/** Strings become UTF-8, lower-case in ASCII, without white space at the ends and with single blanks inside. */
function canonicalValue(value: DerValue): Buffer {
  const text = decodeString(value);
  if (text === undefined) return value.whole;
  const folded = text
    .replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
    .replace(/[ \t\n\v\f\r]+/g, ' ')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return encode(0x0c, Buffer.from(folded, 'utf8'));
}

function decodeString({ tag, content }: DerValue): string | undefined {
  switch (tag) {
    case 0x0c: // UTF8String
      return content.toString('utf8');
    case 0x13: // PrintableString
    case 0x14: // T61String, which OpenSSL reads as Latin-1
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return content.toString('latin1');
    case 0x1c: // UniversalString
      return decodeWide(content, 4);
    case 0x1e: // BMPString
      return decodeWide(content, 2);
    default:
      return undefined;
  }
}

function decodeWide(content: Buffer, width: number): string {
  let text = '';
  for (let index = 0; index + width <= content.length; index += width) {
    text += String.fromCodePoint(Math.min(content.readUIntBE(index, width), 0x10ffff));
  }
  return text;
}

function encode(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}
