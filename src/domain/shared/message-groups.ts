/** One message of a queue's batch, as far as decisions need it. Source: AWS Lambda, "Using Lambda with Amazon SQS". */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes?: { readonly MessageGroupId?: string };
}

/** Which messages come again; the others are deleted. Source: AWS Lambda, "Implementing partial batch responses". */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Does one message and tells whether it succeeded. Never throws, since only it knows what to log.
 */
export type MessageHandler<R> = (record: R) => Promise<boolean>;

/**
 * Handles a batch of a FIFO queue one by one. The first failure of a message group fails the rest of the group unseen,
 * because a later message must not overtake an earlier one; the other groups go on.
 */
export async function handleInOrder<R extends QueueRecord>(records: readonly R[], handle: MessageHandler<R>): Promise<BatchResponse> {
  const failedGroups = new Set<string>();
  const batchItemFailures: BatchResponse['batchItemFailures'] = [];
  for (const record of records) {
    if (failedGroups.has(groupOf(record)) || !await handle(record)) {
      failedGroups.add(groupOf(record));
      batchItemFailures.push({ itemIdentifier: record.messageId });
    }
  }
  return { batchItemFailures };
}

/** The same with the groups side by side, each in order: for messages that wait for others' servers. */
export async function handleGroupsSideBySide<R extends QueueRecord>(records: readonly R[], handle: MessageHandler<R>): Promise<BatchResponse> {
  const groups = new Map<string, R[]>();
  for (const record of records) {
    groups.set(groupOf(record), [...groups.get(groupOf(record)) ?? [], record]);
  }
  const responses = await Promise.all([...groups.values()].map(async (group) => handleInOrder(group, handle)));
  return { batchItemFailures: responses.flatMap(({ batchItemFailures }) => batchItemFailures) };
}

/** A message without a group, as a standard queue has them, is a group of its own. */
function groupOf({ attributes, messageId }: QueueRecord): string {
  return attributes?.MessageGroupId ?? messageId;
}
