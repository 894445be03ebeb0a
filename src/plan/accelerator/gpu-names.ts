/** Compute capability by the names that GPUs are sold under. https://developer.nvidia.com/cuda-gpus */
const NAMES: readonly (readonly [capability: string, names: RegExp])[] = [
  ['sm_37', /^k80$/],
  ['sm_52', /^(?:m4|m40|m60|(?:gtx)?9[5678]0(?:ti)?|titanx)$/],
  ['sm_60', /^(?:p100|gp100)$/],
  ['sm_61', /^(?:p4|p40|(?:gtx)?10[3-8]0(?:ti)?|titanxp)$/],
  ['sm_70', /^(?:v100s?|gv100|titanv)$/],
  [
    'sm_75',
    /^(?:t4g?|t400|t1000|t1200|(?:gtx)?16[56]0(?:ti|super)?|(?:rtx)?20[678]0(?:ti|super)?|rtx[3456]000|rtx8000|titanrtx)$/,
  ],
  ['sm_80', /^(?:a100(?:x)?|a30|a800)$/],
  ['sm_86', /^(?:a2|a10g?|a16|a40|(?:rtx)?a[2456]000|a5500|(?:rtx)?30[5-9]0(?:ti)?)$/],
  ['sm_87', /^(?:orin|agxorin|orinnano|orinnx)$/],
  ['sm_89', /^(?:l4|l20|l40s?|(?:rtx)?40[5-9]0(?:ti|super|tisuper|d)?|rtx[56]000ada|rtx4[05]00ada)$/],
  ['sm_90', /^(?:h100|h200|h20|h800|gh200)$/],
  ['sm_100', /^(?:b100|b200|gb200)$/],
  ['sm_103', /^(?:b300|gb300)$/],
  ['sm_110', /^(?:thor|agxthor|jetsonthor)$/],
  ['sm_120', /^(?:(?:rtx)?50[5-9]0(?:ti|d)?|rtxpro[456]000(?:blackwell)?)$/],
  ['sm_121', /^(?:gb10|dgxspark)$/],
];

/** `sm_89` for `sm_89`, `8.9`, `L4` and `RTX 4090`; undefined for what is none of these. */
export function gpuCapability(text: string): string | undefined {
  const plain = text.toLowerCase().replace(/^nvidia|tesla|geforce|jetson|[\s_-]/g, '');
  const digits = /^(?:sm|compute)?(\d{2,3})([af]?)$/.exec(plain);
  if (/^(?:sm|compute)/.test(plain) && digits !== null) return `sm_${digits[1]}${digits[2]}`;
  const [, major, minor] = /^(\d{1,2})\.(\d)$/.exec(plain) ?? [];
  if (major !== undefined) return `sm_${major}${minor}`;
  return NAMES.find(([, names]) => names.test(plain))?.[0];
}
