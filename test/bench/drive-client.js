// What this machine can do at most: Node's HTTP client in a loop, with nothing of the library, as many requests side by side as
// the chunk function makes. Writes how many a second it made, without the first and the last of its seconds, to file descriptor 3.
// Arguments: URL, body, requests side by side, seconds.
const http = require('node:http');
const { text } = require('node:stream/consumers');
const { writeSync } = require('node:fs');

const [url, body, parallel, seconds] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 1_000 });
const headers = { 'authorization': 'Bearer token', 'content-type': 'application/json', 'x-line-retry-key': '123e4567-e89b-42d3-a456-426614174000' };
const startedAt = performance.now();
const elapsed = () => (performance.now() - startedAt) / 1_000;
let counted = 0;

async function requests() {
  while (elapsed() < Number(seconds)) {
    const response = await new Promise((resolve, reject) => {
      http.request(url, { method: 'POST', headers, agent, signal: AbortSignal.timeout(5_000) }).on('response', resolve).on('error', reject).end(body);
    });
    await text(response);
    counted += elapsed() > 1 && elapsed() < Number(seconds) - 1 ? 1 : 0;
  }
}

Promise.all(Array.from({ length: Number(parallel) }, requests)).then(() => {
  writeSync(3, `${counted / (Number(seconds) - 2)}\n`);
  process.exit();
});
