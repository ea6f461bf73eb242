export function breach(from: string, to: string): string | undefined;
