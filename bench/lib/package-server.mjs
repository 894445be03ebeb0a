import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { run } from './measure.mjs';
import { readWheelMember, wheelFilename } from './wheels.mjs';

/**
 * Serves the artifacts of a lock on loopback as the peers want them: a flat apt repository at /debs/ and a simple index with
 * metadata beside each wheel (PEP 503, PEP 658) at /simple/. So peers and cogplan have the same packages, and nobody waits for a network.
 */
export async function servePackages(target, { blob }) {
  const routes = new Map();
  const debs = await Promise.all(inGroups(target.system.packages, 8).map((group) => describeDebs(group, blob)));
  routes.set('/debs/Packages', { text: debs.flat().join('\n') });
  for (const { file } of target.system.packages) routes.set(`/debs/${file.sha256}.deb`, { path: blob(file) });
  for (const { name, file } of target.python.packages) {
    const filename = wheelFilename(file);
    const link = `<a href="/files/${filename}#sha256=${file.sha256}" data-core-metadata="true">${filename}</a>`;
    routes.set(`/simple/${name}/`, { text: `<!DOCTYPE html><html><body>${link}</body></html>`, type: 'text/html' });
    routes.set(`/files/${filename}`, { path: blob(file) });
    const metadata = await readWheelMember(blob(file), /^[^/]+\.dist-info\/METADATA$/);
    routes.set(`/files/${filename}.metadata`, { text: metadata.toString('utf8') });
  }
  const server = createServer((request, response) => answer(routes, request, response));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(routes, request, response) {
  const route = routes.get(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  if (route === undefined) return response.writeHead(404).end();
  if (route.text !== undefined) {
    return response.writeHead(200, { 'content-type': route.type ?? 'text/plain' }).end(route.text);
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': statSync(route.path).size });
  if (request.method === 'HEAD') return response.end();
  createReadStream(route.path, { highWaterMark: 1024 * 1024 })
    .on('error', (error) => response.destroy(error))
    .pipe(response);
}

/** Paragraphs of a Packages index. */
async function describeDebs(packages, blob) {
  const paragraphs = [];
  for (const { file } of packages) {
    const { stdout } = await run('dpkg-deb', ['--field', blob(file)]);
    const place = `Filename: ./${file.sha256}.deb\nSize: ${file.size}\nSHA256: ${file.sha256}\n`;
    paragraphs.push(`${stdout.trimEnd()}\n${place}`);
  }
  return paragraphs;
}

function inGroups(items, count) {
  return Array.from({ length: count }, (_, index) => items.filter((_item, at) => at % count === index));
}
