import { text } from 'node:stream/consumers';
import { partition } from '@aws-sdk/core/client';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest, loadRestJsonErrorCode } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { requireEnv } from './environment';
import { defaultProvider } from './environment-credentials';
import { ReplyFunctionEvent } from '../contract/replies';

/** Of the SDK; the time limit is that of the invocation. */
// A connection that ended while the container was frozen would cost the one attempt there is: none is kept.
const HTTP = new NodeHttpHandler({
  connectionTimeout: AWS_CLIENT_OPTIONS.requestHandler.connectionTimeout,
  httpAgent: { keepAlive: false },
  httpsAgent: { keepAlive: false },
});

/**
 * Invokes a reply function and waits for its answer. Needs `lambda:InvokeFunction`. One signed request instead of the SDK's
 * client, which would lengthen the cold start of every function that shares the bundle; what it is made of is in the bundle anyway.
 *
 * @param timeoutMs milliseconds for the answer; the function is not invoked again by a repeat
 * @throws what AWS Lambda throws, and an error that names the function's own error, without its text, when the function threw or was ended
 */
export async function invokeReplyFunction(functionName: string, event: ReplyFunctionEvent, timeoutMs: number): Promise<unknown> {
  const abortSignal = AbortSignal.timeout(Math.max(1, Math.floor(timeoutMs)));
  const { response } = await HTTP.handle(await signed(functionName, Buffer.from(JSON.stringify(event))), { abortSignal });
  const body = await text(response.body);
  if (response.statusCode >= 300) {
    const said = (tryParse(body) ?? {}) as { readonly message?: unknown; readonly Message?: unknown };
    const { message = said.Message ?? `AWS Lambda answered ${response.statusCode}` } = said;
    throw Object.assign(new Error(String(message)), { name: loadRestJsonErrorCode(response, said) ?? 'UnknownError' });
  }
  const answer = tryParse(body);
  if (answer === undefined && body !== '') {
    throw new Error('the function answered something else than JSON');
  }
  const failure = response.headers['x-amz-function-error'];
  if (failure !== undefined) {
    const { errorType = failure } = (answer ?? {}) as { errorType?: unknown };
    throw new Error(`the function failed (${String(errorType).slice(0, 100)}); see its own log`);
  }
  return answer;
}

/** Source: AWS Lambda API reference, "Invoke". */
async function signed(functionName: string, body: Buffer): Promise<HttpRequest> {
  const region = requireEnv('AWS_REGION');
  const { protocol, hostname, port, host, pathname } = endpoint(region);
  const signer = new SignatureV4({ service: 'lambda', region, credentials: defaultProvider(), sha256: Sha256 });
  const { AWS_LAMBDA_FUNCTION_NAME, _X_AMZN_TRACE_ID } = process.env;
  return HttpRequest.clone(await signer.sign({
    method: 'POST',
    protocol,
    hostname,
    port: Number(port) || undefined,
    path: `${pathname.replace(/\/$/, '')}/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`,
    headers: {
      host,
      'content-type': 'application/octet-stream',
      'content-length': String(body.length),
      // Keeps the function in the trace, and lets AWS Lambda notice functions that invoke each other for ever.
      ...(AWS_LAMBDA_FUNCTION_NAME && _X_AMZN_TRACE_ID && { 'X-Amzn-Trace-Id': _X_AMZN_TRACE_ID }),
    },
    body,
  }));
}

/** As the SDK finds it. Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "Dual-stack and FIPS endpoints". */
function endpoint(region: string): URL {
  const { env } = process;
  const configured = env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true' ? undefined : env.AWS_ENDPOINT_URL_LAMBDA || env.AWS_ENDPOINT_URL;
  const subdomain = env.AWS_USE_FIPS_ENDPOINT === 'true' ? 'lambda-fips' : 'lambda';
  const suffix = partition(region)[env.AWS_USE_DUALSTACK_ENDPOINT === 'true' ? 'dualStackDnsSuffix' : 'dnsSuffix'];
  return new URL(configured || `https://${subdomain}.${region}.${suffix}`);
}

/** @returns undefined when it is no JSON */
function tryParse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
