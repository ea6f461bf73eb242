/** Writes the published types to a folder. */
export declare function emitTypes(folder: string): Promise<void>;
