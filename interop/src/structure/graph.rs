//! Finds the cycles in a small graph, and an order of its nodes in which arrows point down.

use std::collections::BTreeMap;

/// Arrows between nodes, each with its weight.
pub(super) type Arrows = BTreeMap<(usize, usize), usize>;

/// Groups the nodes so that nodes on a common cycle are in one group. Groups are ordered so that arrows between
/// them point to later ones; among the possible orders, the lowest node comes first. Nodes of one group are in
/// the order that [`least_upward`] finds.
pub(super) fn top_down(count: usize, arrows: &Arrows) -> Vec<Vec<usize>> {
    let reach = reachable(count, arrows);
    let mut left: Vec<usize> = (0..count).collect();
    let mut groups = Vec::new();
    while let Some(first) = left
        .iter()
        .copied()
        .find(|node| left.iter().all(|other| !reach[*other][*node] || reach[*node][*other]))
    {
        let together =
            |node: &usize| *node == first || (reach[first][*node] && reach[*node][first]);
        let (group, rest) = left.into_iter().partition(together);
        left = rest;
        groups.push(least_upward(group, arrows));
    }
    groups
}

/// For each pair of nodes, whether a path of arrows leads from the first to the second.
pub(super) fn reachable(count: usize, arrows: &Arrows) -> Vec<Vec<bool>> {
    let mut reach = vec![vec![false; count]; count];
    for (from, to) in arrows.keys() {
        reach[*from][*to] = true;
    }
    for by in 0..count {
        for from in 0..count {
            if reach[from][by] {
                let further = reach[by].clone();
                for (to, reached) in reach[from].iter_mut().zip(further) {
                    *to |= reached;
                }
            }
        }
    }
    reach
}

/// Finds an order in which the arrows that point up have little weight: moving a single node cannot reduce it.
fn least_upward(mut order: Vec<usize>, arrows: &Arrows) -> Vec<usize> {
    let mut least = upward_weight(&order, arrows);
    let mut improved = least > 0;
    while improved {
        improved = false;
        for from in 0..order.len() {
            for to in 0..order.len() {
                let mut changed = order.clone();
                let node = changed.remove(from);
                changed.insert(to, node);
                let weight = upward_weight(&changed, arrows);
                if weight < least {
                    (order, least, improved) = (changed, weight, true);
                }
            }
        }
    }
    order
}

fn upward_weight(order: &[usize], arrows: &Arrows) -> usize {
    let place = |node| order.iter().position(|one| *one == node);
    let upward = arrows
        .iter()
        .filter(|((from, to), _)| place(*from).zip(place(*to)).is_some_and(|(from, to)| from > to));
    upward.map(|(_, weight)| weight).sum()
}
