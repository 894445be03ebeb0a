import { cogplanKey, dockerKey } from './image-race.mjs';

const HOW =
  'Images: cogplan starts from a store that holds the locked files and nothing made from them, composes the base from .debs, and brings its HTTP server along; the peer starts from an image that has Python, pip and uv already, gets the same .debs and wheels from a server on loopback, at pinned versions and without resolving, and ends with `docker save`. Bytecode is compiled by both or by neither.';

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
      how: HOW,
      unit: 's',
      ours: race.samples.get(cogplanKey(pair.bytecode)),
      peer: race.samples.get(dockerKey(pair)),
      peerName: `\`docker build\` + \`docker save\`, Docker Engine ${docker}, ${installer}`,
    };
  });
}
