import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AWS_CLIENT_OPTIONS } from './aws-client-options';
import { parseCsv } from './csv-parser';
import { importFileOpener } from './import-file';
import { StdoutTelemetry } from './telemetry';
import { importFromEnvironment } from './write-import-from-environment';
import { FreezeImportDependencies } from '../domain/audience/freeze-import';

/** An object has some megabytes. */
const CLIENT_OPTIONS = { ...AWS_CLIENT_OPTIONS, maxAttempts: 5, requestHandler: { ...AWS_CLIENT_OPTIONS.requestHandler, requestTimeout: 30_000 } };

/** What the step `freeze` works with, as its function's environment names it, less the time of the invocation. */
export function freezeImportFromEnvironment(): Omit<FreezeImportDependencies, 'remainingMs'> & { readonly telemetry: StdoutTelemetry } {
  const shared = importFromEnvironment();
  const client = new S3Client(CLIENT_OPTIONS);
  return {
    ...shared,
    writeBytes: async (key, bytes) => {
      await client.send(new PutObjectCommand({ Bucket: shared.objects.bucket, Key: key, Body: bytes, ContentType: 'application/x-ndjson; charset=utf-8' }));
    },
    openFile: importFileOpener(client),
    parseCsv,
  };
}
