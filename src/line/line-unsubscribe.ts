/** What happens to a subscriber who blocks the LINE Official Account. */
export enum LineUnsubscribe {
  /** The subscriber is opted out and kept with all attributes, so that a new follow restores them. */
  OPT_OUT = 'OPT_OUT',
  /**
   * The subscriber's row is erased, as in the original AWS sample; a tombstone without attributes stays, so that no late
   * event brings the person back. The send journal keeps what was sent for 90 days, point-in-time recovery the table's
   * past for 35, dead-letter queues their messages for 14.
   */
  DELETE = 'DELETE',
}
