import { Server, createServer } from 'node:http';
import { close, listen, readBody } from './http-server';

/**
 * Lets another process call the methods of an object: `POST /<method>` with a JSON array of arguments, answered by
 * `{ "result": … }` or, with status 400, `{ "error": "…" }`. On loopback only; for tests, without any protection.
 */
export class ControlServer {
  private readonly server: Server;

  constructor(target: object, methods: readonly string[]) {
    this.server = createServer((request, response) => {
      const answer = (status: number, body: object) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const run = async () => {
        const method = (request.url ?? '').slice(1);
        if (request.method !== 'POST' || !methods.includes(method)) throw new Error(`POST one of /${methods.join(', /')}, got ${request.method} ${request.url}`);
        const body = (await readBody(request, Infinity))!.toString();
        const args: unknown = body === '' ? [] : JSON.parse(body);
        if (!Array.isArray(args)) throw new Error(`the body must be a JSON array of arguments, got ${body.slice(0, 100)}`);
        return (target as Record<string, (...args: unknown[]) => unknown>)[method](...args);
      };
      run().then(result => answer(200, { result }), (reason: Error) => answer(400, { error: reason.message }));
    });
  }

  async start(port = 0): Promise<string> {
    return listen(this.server, port);
  }

  async stop(): Promise<void> {
    await close(this.server);
  }
}

/** Calls a method through a control server. */
export async function callControl(url: string, method: string, args: unknown[]): Promise<unknown> {
  const response = await fetch(`${url}/${method}`, { method: 'POST', body: JSON.stringify(args) });
  const { result, error } = await response.json() as { result?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return result;
}
