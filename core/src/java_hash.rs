//! The order of Java's hash maps, where it decides what the Java client says: which of several errors counts, and in which
//! order names stand in a sentence.

/// `String.hashCode`.
pub(crate) fn of_string(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash, unit| i32::wrapping_add(i32::wrapping_mul(hash, 31), i32::from(unit)))
}

/// `TopicPartition.hashCode`.
pub(crate) fn of_partition(topic: &str, partition: i32) -> i32 {
    of_hashed_partition(of_string(topic), partition)
}

/// The same, of a topic whose hash is known.
pub(crate) fn of_hashed_partition(topic: i32, partition: i32) -> i32 {
    31_i32.wrapping_add(partition).wrapping_mul(31).wrapping_add(topic)
}

/// In the order in which a `HashMap` or a `HashSet` walks through them that they were put into in this order, without having
/// been told how many there would be.
pub(crate) fn in_map_order<T>(things: Vec<T>, hash: impl Fn(&T) -> i32) -> Vec<T> {
    in_order_of_a_table_from(16, things, hash)
}

/// The same, of a map that was told how many there would be (`new HashMap<>(size)`).
pub(crate) fn in_sized_map_order<T>(things: Vec<T>, hash: impl Fn(&T) -> i32) -> Vec<T> {
    in_order_of_a_table_from(things.len().next_power_of_two(), things, hash)
}

/// In the order of a table that has this size before anything is in it.
///
/// A bucket that holds so many that Java makes a tree of it is walked as any other. A key that comes twice, as in an answer
/// that names a partition twice, stays twice and counts twice for the table's size; Java's map would keep its last value, in
/// the place of the first.
fn in_order_of_a_table_from<T>(mut size: usize, things: Vec<T>, hash: impl Fn(&T) -> i32) -> Vec<T> {
    // A table grows when it is three quarters full.
    while things.len() > size * 3 / 4 {
        size *= 2;
    }
    let mut table: Vec<Vec<T>> = Vec::new();
    table.resize_with(size, Vec::new);
    for thing in things {
        let hash = hash(&thing).cast_unsigned();
        let bucket = (hash ^ (hash >> 16)) as usize & (size - 1);
        table[bucket].push(thing);
    }
    table.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes are those of the specification of `String.hashCode`.
    #[test]
    fn names_hash_as_java_hashes_them() {
        assert_eq!(["", "tx", "polygenelubricants"].map(of_string), [0, 3_716, i32::MIN]);
        assert_eq!(of_partition("t", 1), 32 * 31 + 116);
    }

    /// As OpenJDK 17 walks through a `HashSet` of these names; the last has outgrown its first table.
    #[test]
    fn things_are_walked_through_as_java_walks_through_a_map() {
        let walk =
            |names: &[&str]| in_map_order(names.iter().map(|&name| name.to_owned()).collect(), |name| of_string(name));
        assert_eq!(walk(&["pear", "apple", "fig"]).join(" "), "apple pear fig");
        assert_eq!(walk(&["b", "r", "a", "q"]).join(" "), "a q b r");
        let many: Vec<String> = (0..13).map(|number| format!("topic-{number}")).collect();
        let many: Vec<&str> = many.iter().map(|name| &**name).collect();
        let theirs = [6, 7, 8, 9, 0, 1, 2, 3, 10, 4, 11, 5, 12].map(|number| format!("topic-{number}"));
        assert_eq!(walk(&many), theirs);
    }

    /// As OpenJDK 17 walks through a `HashMap` of partitions that was made for so many.
    #[test]
    fn a_map_made_for_so_many_begins_with_another_table() {
        let walk = |topic: &str, count| in_sized_map_order((0..count).collect(), |&number| of_partition(topic, number));
        assert_eq!(walk("t", 4), [3, 2, 1, 0]);
        assert_eq!(walk("t", 1), [0]);
        assert_eq!(walk("orders", 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(walk("주문", 7), [4, 5, 2, 3, 0, 1, 6]);
    }
}
