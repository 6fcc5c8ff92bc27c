/** Reads a variable that the construct always sets. */
export function requireEnv(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`environment variable ${name} is missing: the function was not deployed by this library's construct, or its configuration was changed by hand`);
  }
  return value;
}

/** Reads a variable that the construct sets only when it has something to say. */
export function optionalEnv(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** True when the construct set the variable to `true`. */
export function envFlag(name: string): boolean {
  return process.env[name] === 'true';
}
