// Serves as many zeros as its argument says at any path, with ranges, as fast as it can; prints its address.
import { createServer } from 'node:http';

const size = Number(process.argv[2]);
const piece = Buffer.alloc(1024 * 1024);

const server = createServer((request, response) => {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to === undefined || to === '' ? size : Number(to) + 1;
  const headers = { 'content-length': end - start, 'accept-ranges': 'bytes', etag: '"zeros"' };
  if (from === undefined) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end - 1}/${size}` });
  let left = request.method === 'HEAD' ? 0 : end - start;
  const send = () => {
    while (left > 0) {
      const count = Math.min(left, piece.length);
      left -= count;
      if (!response.write(piece.subarray(0, count))) return response.once('drain', send);
    }
    return response.end();
  };
  send();
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
