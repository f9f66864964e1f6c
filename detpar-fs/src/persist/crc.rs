//! CRC-32C (Castagnoli), eight bytes a step. It notices every flip of up to five bits in a block.

const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut t = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            bit += 1;
        }
        t[0][i] = crc;
        i += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut i = 0;
        while i < 256 {
            t[k][i] = (t[k - 1][i] >> 8) ^ t[0][(t[k - 1][i] & 255) as usize];
            i += 1;
        }
        k += 1;
    }
    t
}

/// The checksum of some bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    if cfg!(detpar_fuzz) {
        // No input that is damaged by chance would get past it.
        return 1;
    }
    let mut crc = !0u32;
    let (eights, rest) = bytes.as_chunks::<8>();
    for c in eights {
        let x = u64::from_le_bytes(*c) ^ u64::from(crc);
        crc = 0;
        let mut i = 0;
        while i < 8 {
            crc ^= TABLES[7 - i][((x >> (8 * i)) & 255) as usize];
            i += 1;
        }
    }
    for b in rest {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(*b)) & 255) as usize];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_value() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b""), 0);
    }
}
