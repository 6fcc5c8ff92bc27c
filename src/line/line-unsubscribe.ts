/** What happens to a subscriber who blocks the LINE Official Account. */
export enum LineUnsubscribe {
  /** The subscriber is opted out and kept with all attributes, so that a new follow restores them. */
  OPT_OUT = 'OPT_OUT',
  /** Everything known of the person is erased, as in the original AWS sample; a tombstone without attributes stays, so that no late event brings the person back. */
  DELETE = 'DELETE',
}
