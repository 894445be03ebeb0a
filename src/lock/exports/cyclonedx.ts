import { VERSION } from '../../version.ts';
import { type BillItem, billOf } from './bill.ts';
import type { ExportInput } from './export-input.ts';

/** A CycloneDX 1.6 document. https://cyclonedx.org/docs/1.6/json/ */
export function exportCycloneDx(input: ExportInput): string {
  const { items, date, identity } = billOf(input);
  const root = 'image';
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(identity)}`,
    version: 1,
    metadata: {
      timestamp: date,
      tools: { components: [{ type: 'application', name: 'cogplan', version: VERSION }] },
      component: {
        type: 'container',
        'bom-ref': root,
        name: input.name,
        properties: [
          { name: 'cogplan:platform', value: input.platform },
          { name: 'cogplan:python', value: input.target.interpreter.version },
        ],
      },
    },
    components: items.map(component),
    dependencies: [
      { ref: root, dependsOn: items.map((item) => item.id) },
      ...items.map(({ id, depends }) => ({ ref: id, ...(depends.length === 0 ? {} : { dependsOn: depends }) })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function component({ id, kind, name, version, purl, url, sha256 }: BillItem): Record<string, unknown> {
  return {
    type: kind,
    'bom-ref': id,
    name,
    ...(version === undefined ? {} : { version }),
    ...(purl === undefined ? {} : { purl }),
    ...(sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
    ...(url === undefined ? {} : { externalReferences: [{ type: 'distribution', url }] }),
  };
}

// A UUID of version 8: its bits are ours, out of the lock's digest.
function uuidOf(identity: string): string {
  const variant = '89ab'[Number.parseInt(identity.charAt(16), 16) % 4] ?? '8';
  const parts = [
    identity.slice(0, 8),
    identity.slice(8, 12),
    `8${identity.slice(13, 16)}`,
    `${variant}${identity.slice(17, 20)}`,
  ];
  return [...parts, identity.slice(20, 32)].join('-');
}
