import { createServer, IncomingMessage, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { RetryRequest } from '../../src/contract/retry-queue';

/** Seconds of a batch that comes again, instead of up to 15 minutes. */
const AGAIN_SECONDS = 3;

/**
 * The retry queue for senders in a hurry: takes their messages in the queue's place and hands them on, those of batches that
 * come again with a shorter delay. The wake-up's own delay stays, since it must be longer than an invocation.
 */
export class HastyRetryQueue {
  private readonly server: Server;

  constructor(private readonly client: SQSClient, private readonly queueUrl: string) {
    this.server = createServer((request, response) => {
      const answer = (status: number, body: unknown) => response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
      this.handOn(request).then((sent) => answer(200, sent), (error) => answer(500, { __type: 'InternalFailure', message: String(error) }));
    });
  }

  /** @returns the queue's URL for the senders */
  public async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${new URL(this.queueUrl).pathname}`;
  }

  public stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async handOn(request: IncomingMessage): Promise<object> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const { MessageBody, DelaySeconds } = JSON.parse(Buffer.concat(chunks).toString()) as { MessageBody: string; DelaySeconds: number };
    const { attempt } = JSON.parse(MessageBody) as RetryRequest;
    const { MessageId, MD5OfMessageBody } = await this.client.send(new SendMessageCommand({
      QueueUrl: this.queueUrl, MessageBody, DelaySeconds: attempt === undefined ? DelaySeconds : Math.min(DelaySeconds, AGAIN_SECONDS),
    }));
    return { MessageId, MD5OfMessageBody };
  }
}
