import type { Group } from '../../command.ts'
import { copy } from './copy.ts'

/** `blobs`: stored bytes. */
export const blobs: Group = { name: 'blobs', summary: 'moves stored bytes between the disk and S3', commands: [copy] }
