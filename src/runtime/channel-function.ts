import { InvokeCommand, InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { ChunkPreview, ChunkSendEvent } from '../contract/chunk-send';
import { ChannelAnswer } from '../domain/campaigns/send-maps';

/** Lambda had no room for the invocation, or the function is not ready. Source: AWS Lambda API reference, "Invoke", errors. */
const BUSY: readonly string[] = [
  'TooManyRequestsException', 'EC2ThrottledException', 'ENILimitReachedException', 'KMSThrottlingException', 'ResourceConflictException',
  'ResourceNotReadyException', 'SnapStartNotReadyException', 'SubnetIPAddressLimitReachedException',
];

/** Characters of what a function threw that are told. */
const MAX_ERROR_LENGTH = 200;

/** The function of a channel that a runner sends through. Needs `lambda:InvokeFunction`. */
export class ChannelFunction {
  /** @param client makes one attempt only, because a second one could send a second time */
  constructor(private readonly client: () => LambdaClient, private readonly functionName: string) {}

  /**
   * Invokes it and waits for its answer, no longer than so many milliseconds.
   *
   * @throws what AWS Lambda throws when it would do so again: no permission, no such function, an event that is too large
   */
  public async invoke(event: object, timeoutMs: number): Promise<ChannelAnswer> {
    const command = new InvokeCommand({ FunctionName: this.functionName, Payload: JSON.stringify(event) });
    let output: InvokeCommandOutput;
    try {
      output = await this.client().send(command, { abortSignal: AbortSignal.timeout(Math.max(1, timeoutMs)) });
    } catch (error) {
      const { name, message } = error as Error;
      if (BUSY.includes(name)) {
        return { kind: 'busy', message: `${name}: ${message}` };
      }
      const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
      // Without a status nobody knows whether it was invoked; with one of 5xx AWS Lambda does not know.
      if (status === undefined || status >= 500) {
        return { kind: 'failed', message: `${name}: ${message}` };
      }
      throw error;
    }
    const { FunctionError, Payload } = output;
    const payload = parse(Payload && Buffer.from(Payload).toString());
    return FunctionError === undefined ? { kind: 'answered', payload } : { kind: 'failed', message: thrownBy(payload, FunctionError) };
  }

  /**
   * What people of a chunk would get.
   *
   * @throws Error when the function does not say so, and what AWS Lambda throws
   */
  public async preview(event: ChunkSendEvent, timeoutMs: number): Promise<ChunkPreview> {
    const answer = await this.invoke(event, timeoutMs);
    if (answer.kind !== 'answered') {
      throw new Error(`the channel's function did not answer what would be sent: ${answer.message}`);
    }
    const preview = answer.payload as ChunkPreview | null | undefined;
    if (!Array.isArray(preview?.people)) {
      throw new Error('the channel\'s function did not answer what would be sent: it must answer an event with `Preview` with {"people":[…]}, or not be bound as one that takes chunks');
    }
    return preview;
  }
}

function thrownBy(payload: unknown, fallback: string): string {
  const { errorType = fallback, errorMessage = '' } = (payload ?? {}) as { readonly errorType?: string; readonly errorMessage?: string };
  return `${String(errorType)}: ${String(errorMessage)}`.slice(0, MAX_ERROR_LENGTH);
}

/** A function may answer anything. */
function parse(text: string | undefined): unknown {
  try {
    return text === undefined || text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
