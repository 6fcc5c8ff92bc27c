import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ReplyFunctionEvent } from '../contract/replies';

/**
 * Invokes a reply function and waits for its answer. Needs `lambda:InvokeFunction`.
 *
 * @param timeoutMs milliseconds for the answer; the function is not invoked again by a repeat
 * @throws what AWS Lambda throws, and an error that names the function's own error, without its text, when the function threw or was ended
 */
export async function invokeReplyFunction(
  client: LambdaClient, functionName: string, event: ReplyFunctionEvent, timeoutMs: number,
): Promise<unknown> {
  const { FunctionError, Payload } = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }),
    { abortSignal: AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs))) },
  );
  const text = Buffer.from(Payload ?? []).toString('utf8');
  const answer = text === '' ? undefined : parsed(text);
  if (FunctionError !== undefined) {
    const { errorType = FunctionError } = (answer ?? {}) as { errorType?: unknown };
    throw new Error(`the function failed (${String(errorType).slice(0, 100)}); see its own log`);
  }
  return answer;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the function answered something else than JSON');
  }
}
