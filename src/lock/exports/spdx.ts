import { VERSION } from '../../version.ts';
import { type BillItem, billOf } from './bill.ts';
import type { ExportInput } from './export-input.ts';

/** An SPDX 2.3 document in JSON. https://spdx.github.io/spdx-spec/v2.3/ */
export function exportSpdx(input: ExportInput): string {
  const { items, date, identity } = billOf(input);
  const ids = new Map(
    items.map((item, index) => [
      item.id,
      `SPDXRef-${index + 1}-${item.name.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 100)}`,
    ]),
  );
  const idOf = (id: string): string => ids.get(id) ?? '';
  const relate = (from: string, type: string, to: string): Record<string, string> => ({
    spdxElementId: from,
    relationshipType: type,
    relatedSpdxElement: to,
  });
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${input.name} ${input.platform}`,
    documentNamespace: `https://cogplan.dev/spdx/${identity}`,
    creationInfo: { created: date, creators: [`Tool: cogplan-${VERSION}`] },
    documentDescribes: [IMAGE],
    packages: [imagePackage(input.name), ...items.map((item) => packageOf(item, idOf(item.id)))],
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', IMAGE),
      ...items.map((item) => relate(IMAGE, 'CONTAINS', idOf(item.id))),
      ...items.flatMap((item) => item.depends.map((to) => relate(idOf(item.id), 'DEPENDS_ON', idOf(to)))),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const IMAGE = 'SPDXRef-Image';
const UNKNOWN = {
  filesAnalyzed: false,
  licenseConcluded: 'NOASSERTION',
  licenseDeclared: 'NOASSERTION',
  copyrightText: 'NOASSERTION',
  supplier: 'NOASSERTION',
};

function imagePackage(name: string): Record<string, unknown> {
  return { SPDXID: IMAGE, name, downloadLocation: 'NOASSERTION', primaryPackagePurpose: 'CONTAINER', ...UNKNOWN };
}

function packageOf({ kind, name, version, purl, url, sha256 }: BillItem, id: string): Record<string, unknown> {
  return {
    SPDXID: id,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    downloadLocation: url !== undefined && /^(?:https?|git\+https?):\/\//.test(url) ? url : 'NOASSERTION',
    primaryPackagePurpose: { library: 'LIBRARY', application: 'APPLICATION', file: 'FILE' }[kind],
    ...UNKNOWN,
    ...(sha256 === undefined ? {} : { checksums: [{ algorithm: 'SHA256', checksumValue: sha256 }] }),
    ...(purl === undefined
      ? {}
      : { externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }] }),
  };
}
