import { cogplanKey, dockerKey } from './image-race.mjs';

/** One row for each pair of a race: how many times cogplan's time the peer took. */
export function imageRows({ name, what, pairs, race }) {
  return pairs.map((pair) => {
    const row = {
      id: `${name}-${pair.installer}${pair.bytecode ? '-bytecode' : ''}`,
      what: `${what}, ${pair.bytecode ? 'with' : 'without'} bytecode`,
      bar: { kind: 'peer/ours', least: pair.bar },
    };
    if (race.missing !== undefined) return { ...row, missing: race.missing };
    const { docker, pip, uv } = race.versions;
    const installer = pair.installer === 'pip' ? `pip ${pip}` : `uv ${uv}`;
    return {
      ...row,
      unit: 's',
      ours: race.samples.get(cogplanKey(pair.bytecode)),
      peer: race.samples.get(dockerKey(pair)),
      peerName: `\`docker build\` + \`docker save\`, Docker Engine ${docker}, ${installer}`,
    };
  });
}
