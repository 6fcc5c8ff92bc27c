/**
 * Options of every AWS client: a connection that hangs is cut and tried anew, so that it cannot take an invocation's whole
 * time. Without `throwOnRequestTimeout` the handler only warns and goes on waiting.
 * Source: AWS SDK for JavaScript v3, `@smithy/types`, "NodeHttpHandlerOptions"; AWS SDKs and Tools Reference Guide, "Retry behavior".
 */
export const AWS_CLIENT_OPTIONS = {
  /** Attempts of one call, with the SDK's growing pauses between them. */
  maxAttempts: 3,
  /** What a client does for a kind of call is put together once, not for each call. */
  cacheMiddleware: true,
  requestHandler: {
    /** Milliseconds until a connection must stand. */
    connectionTimeout: 1_000,
    /** Milliseconds that one attempt may take. */
    requestTimeout: 3_000,
    throwOnRequestTimeout: true,
  },
};
